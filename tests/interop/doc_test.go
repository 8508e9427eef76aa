// Package interop runs the libraries that others wrote against this one: their
// clients against our server, our client against their servers. They are in a
// module of their own, so that those who import netfs never see them.
package interop
