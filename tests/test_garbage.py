import gc
import subprocess
import sys
import weakref

from crosstie._garbage import N_NEW, rarely_collect_garbage


class Node:
    pass


def test_garbage_is_still_collected():
    before = gc.get_threshold()
    try:
        rarely_collect_garbage()
        assert gc.get_threshold()[0] == N_NEW
        node = Node()
        node.itself = node
        gone = weakref.ref(node)
        del node
        assert gone() is not None, "only a search for garbage finds it"
        kept = [[] for _ in range(2 * N_NEW)]
        assert gone() is None, f"beside {len(kept)} new objects"
    finally:
        gc.set_threshold(*before)


def test_a_library_leaves_it_as_it_was():
    code = "import gc; before = gc.get_threshold(); import crosstie.cli; assert gc.get_threshold() == before"
    subprocess.run([sys.executable, "-c", code], check=True)
