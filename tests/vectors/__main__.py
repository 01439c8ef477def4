"""Writes docs/vectors."""

from tests.vectors.samples import FOLDER, sample_files

for name, content in sample_files().items():
    (FOLDER / name).write_text(content, encoding="utf-8")
