"""C and C++: what declares something, and how it is laid out."""
