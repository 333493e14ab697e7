"""The registry of public data sets is consistent."""

from crosstie.datasets.public.registry import DATASETS


def test_registry_is_sound():
    for name, dataset in DATASETS.items():
        assert dataset.name == name
        names = [file.name for file in dataset.files]
        assert len(set(names)) == len(names)
        for file in dataset.files:
            assert "/" not in file.name
            assert file.url.startswith("https://") or not file.url
        assert dataset.page.startswith("https://")
