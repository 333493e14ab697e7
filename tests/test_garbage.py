import gc
import subprocess
import sys

from crosstie._garbage import N_NEW, rarely_collect_garbage


def test_garbage_is_still_collected():
    before = gc.get_threshold()
    try:
        rarely_collect_garbage()
        assert gc.isenabled()
        assert gc.get_threshold() == (N_NEW, 10, 10)
    finally:
        gc.set_threshold(*before)


def test_a_library_leaves_it_as_it_was():
    code = "import gc; before = gc.get_threshold(); import crosstie.cli; assert gc.get_threshold() == before"
    subprocess.run([sys.executable, "-c", code], check=True)
