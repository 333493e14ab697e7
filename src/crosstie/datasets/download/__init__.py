"""Downloads files into a cache: interrupted downloads resume, and files are verified before they are used.

Knows nothing of single cells; `public` says what to download.
"""
