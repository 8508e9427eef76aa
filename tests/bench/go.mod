module github.com/netfs-project/netfs/tests/bench

go 1.26.0

replace github.com/netfs-project/netfs => ../..

require (
	9fans.net/go v0.0.8-0.20250307142834-96bdba94b63f
	github.com/hugelgupf/p9 v0.3.0
	github.com/jsimonetti/rtnetlink/v2 v2.0.2
	github.com/netfs-project/netfs v0.0.0-00010101000000-000000000000
	github.com/ti-mo/conntrack v0.6.0
	github.com/vishvananda/netlink v1.3.1
	golang.org/x/sys v0.49.0
)

require (
	github.com/godbus/dbus/v5 v5.2.4 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/josharian/native v1.1.0 // indirect
	github.com/mdlayher/netlink v1.7.2 // indirect
	github.com/mdlayher/socket v0.5.1 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/ti-mo/netfilter v0.5.3 // indirect
	github.com/u-root/uio v0.0.0-20230305220412-3e8cd9d6bf63 // indirect
	github.com/vishvananda/netns v0.0.5 // indirect
	golang.org/x/net v0.39.0 // indirect
	golang.org/x/sync v0.14.0 // indirect
)
