"""Workbooks whose bytes are the same on every machine."""

import io
import zipfile

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can hold
UNIX = 3  # zipfile writes the machine's own kind of system


def stored(workbook: bytes) -> bytes:
    """Return a workbook with its parts stored in it uncompressed.

    Compressed bytes depend on the machine's zlib, and a release is known by its bytes.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as parts, zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as whole:
        for name in parts.namelist():
            part = zipfile.ZipInfo(name, EARLIEST)
            part.create_system = UNIX
            whole.writestr(part, parts.read(name))
    return content.getvalue()
