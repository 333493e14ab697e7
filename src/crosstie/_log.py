"""The logger of the package. The library does not configure logging; the command line does."""

import logging

log = logging.getLogger("crosstie")
log.addHandler(logging.NullHandler())
