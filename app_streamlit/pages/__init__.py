"""One module for each page: its function `page` draws it."""
