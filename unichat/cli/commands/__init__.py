"""The commands of `unichat`, one in each module: they read arguments, call the library, and print."""
