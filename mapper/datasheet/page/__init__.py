"""A PDF page as words in lines, ruling lines and the cells between them."""
