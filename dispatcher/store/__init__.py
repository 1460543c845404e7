"""The only room with SQL: one file a noun, and the migrations."""
