"""What is taken is given back once, on every path."""

import gc
from threading import Thread

import pytest

from tlsclose.providers._ledger import Ledger, Owned


def test_released_once():
    ledger, freed = Ledger(), []
    owned = Owned("context", lambda: freed.append("it") or 7, ledger)
    assert ledger.live() == {"context": 1}
    assert (owned.release(), owned.release()) == (7, None)
    assert freed == ["it"]
    assert ledger.live() == {}
    assert ledger.taken() == {"context": 1}


def test_dropped_is_released():
    ledger, freed = Ledger(), []
    gc.disable()
    try:
        owned = Owned("context", lambda: freed.append("it"), ledger)
        del owned
    finally:
        gc.enable()
    assert (freed, ledger.live()) == (["it"], {})


def test_a_free_that_fails_is_counted_as_given():
    ledger = Ledger()

    def fail():
        raise OSError("gone")

    owned = Owned("context", fail, ledger)
    with pytest.raises(OSError, match="gone"):
        owned.release()
    assert ledger.live() == {}


def test_threads_count_together():
    ledger = Ledger()

    def work():
        for _ in range(200):
            Owned("buffer", lambda: None, ledger).release()
            ledger.take("context")

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.live() == {"context": 800}
    assert ledger.taken() == {"buffer": 800, "context": 800}
