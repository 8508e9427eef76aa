//go:build !race

package interop

const race = false
