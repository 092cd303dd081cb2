"""Unity Catalog: the objects of a metastore, and the files of its volumes."""
