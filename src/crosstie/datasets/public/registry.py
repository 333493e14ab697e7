"""The list of public data sets: their files, addresses and readers (docs/datasets.md is generated from it)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mudata import MuData

from crosstie.datasets.public import readers

GEO = "https://ftp.ncbi.nlm.nih.gov/geo"
ACCESSION = "https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc="
TENX = "https://cf.10xgenomics.com/samples/cell-exp"
TENX_PAGE = "https://www.10xgenomics.com/datasets/"
GEO_TERMS = "none stated; NCBI itself places no restriction on GEO's data"
CC_BY = "CC BY 4.0"
LABELS = "labels.csv"  # optional labels given by the user: columns barcode and cell_type


@dataclass(frozen=True)
class File:
    """One file of a data set.

    Parameters
    ----------
    name
        Name of the file at the source.
    folder
        Address of its folder; `""` for an optional file that the user may add.
    megabytes
        Approximate size.
    sha256
        Published checksum; `None` if there is none.
    archive
        Name of a tar archive that also holds the file; `""` if there is none.
    """

    name: str
    folder: str
    megabytes: float
    sha256: str | None = None
    archive: str = ""

    @property
    def url(self) -> str:
        """Address of the file; `""` if it cannot be downloaded."""
        return f"{self.folder}/{self.name}" if self.folder else ""


@dataclass(frozen=True)
class Dataset:
    """A public data set.

    Parameters
    ----------
    name
        Name for `fetch`.
    title
        Short description.
    page
        Address of the web page of the data set.
    licence
        Licence or terms of use.
    citation
        What to cite.
    views
        Names of the views, with their number of features (`None` if unknown).
    n_cells
        Number of cells.
    labels
        Origin of `.obs["cell_type"]`; `""` if the source has no labels.
    files
        The files of the data set.
    read
        Function that reads the files (by original name), keeping cells with the given values of columns of obs.
    """

    name: str
    title: str
    page: str
    licence: str
    citation: str
    views: Mapping[str, int | None]
    n_cells: int
    labels: str
    files: tuple[File, ...]
    read: Callable[[dict[str, Path], Mapping[str, str]], MuData] = field(repr=False)

    @property
    def megabytes(self) -> float:
        """Approximate size of all downloads, in megabytes."""
        return sum(file.megabytes for file in self.files if file.url)


def _sample(accession: str) -> str:
    return f"{GEO}/samples/{accession[:-3]}nnn/{accession}/suppl"


def _series(accession: str) -> str:
    return f"{GEO}/series/{accession[:-3]}nnn/{accession}/suppl"


def _own_labels(name: str) -> File:
    return File(f"{name}_{LABELS}", "", 0)


def _hao(accession: str, assay: str, megabytes: float) -> tuple[File, ...]:
    sizes = {"matrix.mtx.gz": megabytes, "features.tsv.gz": 0.1, "barcodes.tsv.gz": 0.8}
    return tuple(
        File(f"{accession}_{assay}_3P-{ending}", _sample(accession), mb, archive="GSE164378_RAW.tar")
        for ending, mb in sizes.items()
    )


def _tea(name: str, accession: str, start: str, depths: tuple[str, str], *more: File) -> Dataset:
    matrix = f"{accession}_{start}_leukopak_perm-cells_tea_{depths[0]}_{readers.ARC_MATRIX}"
    adt = f"{accession}_{start}_leukopak_perm-cells_tea_{depths[1]}_adt_counts.csv.gz"
    published = "Seurat transfer (predicted.celltype.l2), figure 4, source data 2" if more else ""
    return Dataset(
        name=name,
        title=f"PBMC, TEA-seq (Swanson et al.), {accession}",
        page=ACCESSION + accession,
        licence=GEO_TERMS + ("; labels " + CC_BY if more else ""),
        citation="Swanson et al., eLife 10:e63632 (2021), doi:10.7554/eLife.63632",
        views={"rna": 36_601, "adt": 46, "atac": 66_828 if not more else None},
        n_cells=8_213 if not more else 7_069,
        labels=published,
        files=(
            File(matrix, _sample(accession), 90, archive="GSE158013_RAW.tar"),
            File(adt, _sample(accession), 10, archive="GSE158013_RAW.tar"),
            *more,
            _own_labels(name),
        ),
        read=readers.teaseq,
    )


def _tenx(name: str, title: str, folder: str, page: str, n_cells: int, n_antibodies: int, megabytes: float) -> Dataset:
    stem = folder.rsplit("/", 1)[1]
    return Dataset(
        name=name,
        title=title,
        page=TENX_PAGE + page,
        licence=CC_BY,
        citation=f"10x Genomics, {title}",
        views={"rna": 33_538, "adt": n_antibodies},
        n_cells=n_cells,
        labels="",
        files=(File(f"{stem}_filtered_feature_bc_matrix.h5", folder, megabytes), _own_labels(name)),
        read=readers.tenx_citeseq,
    )


def _neurips(
    name: str, kind: str, title: str, views: Mapping[str, int | None], n_cells: int, megabytes: float
) -> Dataset:
    file = f"GSE194122_openproblems_neurips2021_{kind}_BMMC_processed.h5ad.gz"
    return Dataset(
        name=name,
        title=title,
        page=ACCESSION + "GSE194122",
        licence=GEO_TERMS,
        citation="Luecken et al., NeurIPS Datasets and Benchmarks (2021), GSE194122",
        views=views,
        n_cells=n_cells,
        labels="the study's annotation (cell_type)",
        files=(File(file, _series("GSE194122"), megabytes),),
        read=readers.neurips,
    )


ELIFE = File("elife-63632-fig4-data2-v1.zip", "https://cdn.elifesciences.org/articles/63632", 2)
DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            name="citeseq_pbmc",
            title="PBMC, CITE-seq (Hao et al.), 3' data of eight donors at three times",
            page=ACCESSION + "GSE164378",
            licence=GEO_TERMS,
            citation="Hao et al., Cell 184, 3573–3587 (2021), doi:10.1016/j.cell.2021.04.048",
            views={"rna": 33_538, "adt": 228},
            n_cells=161_764,
            labels="the study's annotation (celltype.l1; also .l2, .l3)",
            files=(
                *_hao("GSM5008737", "RNA", 1_100),
                *_hao("GSM5008738", "ADT", 110),
                File("GSE164378_sc.meta.data_3P.csv.gz", _series("GSE164378"), 4),
            ),
            read=readers.citeseq_pbmc,
        ),
        _tea("teaseq_pbmc", "GSM4949911", "X061-AP0C1W1", ("fulldepth", "fulldepth")),
        _tea("teaseq_pbmc_w3", "GSM5123951", "X066-MP0C1W3", ("200M", "48M"), ELIFE),
        _tenx(
            "pbmc_10k_protein_v3",
            "10k PBMCs from a Healthy Donor, with cell surface proteins (v3 chemistry)",
            f"{TENX}/3.0.0/pbmc_10k_protein_v3",
            "10-k-pbm-cs-from-a-healthy-donor-gene-expression-and-cell-surface-protein-3-standard-3-0-0",
            7_865,
            17,
            26,
        ),
        _tenx(
            "pbmc_5k_protein_v3",
            "5k PBMCs from a Healthy Donor, with cell surface proteins (v3 chemistry)",
            f"{TENX}/3.0.2/5k_pbmc_protein_v3",
            "5-k-peripheral-blood-mononuclear-cells-pbm-cs-from-a-healthy-donor-with-cell-surface-proteins-v-3-chemistry"
            "-3-1-standard-3-1-0",
            5_247,
            32,
            17,
        ),
        _neurips(
            "bmmc_citeseq",
            "cite",
            "Bone marrow, CITE-seq (NeurIPS 2021), 12 donors, 4 sites",
            {"rna": 13_953, "adt": 134},
            90_261,
            600,
        ),
        _neurips(
            "bmmc_multiome",
            "multiome",
            "Bone marrow, multiome (NeurIPS 2021), 10 donors, 4 sites",
            {"rna": 13_431, "atac": 116_490},
            69_249,
            2_700,
        ),
        Dataset(
            name="bmcite",
            title="Bone marrow, CITE-seq (Stuart et al.)",
            page=ACCESSION + "GSE128639",
            licence=GEO_TERMS,
            citation="Stuart et al., Cell 177, 1888–1902 (2019), doi:10.1016/j.cell.2019.05.031",
            views={"rna": 17_009, "adt": 25},
            n_cells=33_454,
            labels="",
            files=(
                File("GSM3681518_MNC_RNA_counts.tsv.gz", _sample("GSM3681518"), 40, archive="GSE128639_RAW.tar"),
                File("GSM3681519_MNC_ADT_counts.tsv.gz", _sample("GSM3681519"), 2, archive="GSE128639_RAW.tar"),
                _own_labels("bmcite"),
            ),
            read=readers.bmcite,
        ),
    )
}
