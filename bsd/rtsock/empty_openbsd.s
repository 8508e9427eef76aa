// Lets a function of Go have no body: see sysctl_openbsd.go.
