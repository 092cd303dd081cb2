"""The SQL connector's default transport: HiveServer2's Thrift service over HTTP, in Databricks' version of it."""
