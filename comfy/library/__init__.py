"""Available workflows: the folder, private workflows, their forms, the catalog, permissions."""
