"""The fault bench: what unichat does when a vendor is slow, down, wrong or hostile. All of it stands in `table.py`."""
