"""The mock server and the ready errors for the tests of users."""
