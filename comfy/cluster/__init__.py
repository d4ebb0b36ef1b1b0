"""Several app processes on one database: imported only if the setting `wire` is set."""
