"""Small files in the exact layouts of public sources, written by tests that read them back."""
