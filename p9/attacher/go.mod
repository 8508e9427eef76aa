module github.com/netfs-project/netfs/p9/attacher

go 1.26.0

replace github.com/netfs-project/netfs => ../..

require (
	github.com/hugelgupf/p9 v0.3.0
	github.com/netfs-project/netfs v0.0.0-00010101000000-000000000000
)

require (
	github.com/u-root/uio v0.0.0-20230305220412-3e8cd9d6bf63 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
