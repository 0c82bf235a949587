"""Writers of source code from device models, with a note of what each symbol stands for."""
