"""Source code -> symbols: what a file of a driver defines, uses and says of itself."""

from mapper.code.parse import MAX_FILE_BYTES, parse_file, parse_files
from mapper.code.tree import is_relevant_path, role_of

__all__ = ["MAX_FILE_BYTES", "is_relevant_path", "parse_file", "parse_files", "role_of"]
