"""The package's logger. Libraries do not configure logging; the command line does."""

import logging

log = logging.getLogger("crosstie")
log.addHandler(logging.NullHandler())
