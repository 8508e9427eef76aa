module github.com/netfs-project/netfs/tests/interop

go 1.26.0

replace (
	github.com/netfs-project/netfs => ../..
	github.com/netfs-project/netfs/p9/attacher => ../../p9/attacher
)

require (
	9fans.net/go v0.0.8-0.20250307142834-96bdba94b63f
	github.com/hugelgupf/p9 v0.3.0
	github.com/netfs-project/netfs v0.0.0-00010101000000-000000000000
	github.com/netfs-project/netfs/p9/attacher v0.0.0-00010101000000-000000000000
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/josharian/native v1.1.0 // indirect
	github.com/pierrec/lz4/v4 v4.1.18 // indirect
	github.com/u-root/uio v0.0.0-20230305220412-3e8cd9d6bf63 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/exp v0.0.0-20230810033253-352e893a4cad // indirect
	golang.org/x/sys v0.49.0 // indirect
)

tool github.com/hugelgupf/p9/cmd/p9ufs
