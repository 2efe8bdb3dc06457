"""Many runs on all devices."""
