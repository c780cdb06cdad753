"""What is measured against the clock; never part of the tests."""
