"""What training needs of a text-to-image pipeline, architecture by architecture."""
