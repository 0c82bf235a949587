"""PDFium's functions with plain integers for handles and addresses: building ctypes pointers costs more than a call."""

import ctypes
from collections.abc import Callable
from typing import Any


def bare(function: Any, result: Any, *arguments: Any) -> Callable[..., Any]:
    """Return a C function that takes and gives handles as integers; the caller keeps what they point to alive."""
    return ctypes.PYFUNCTYPE(result, *arguments)(ctypes.cast(function, ctypes.c_void_p).value or 0)
