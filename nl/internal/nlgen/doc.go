// Nlgen writes the codecs of netlink messages from tagged structs. The struct
// is the documentation and the API; the generated code is a plain attribute
// loop. Run it by
//
//	//go:generate go run github.com/netfs-project/netfs/nl/internal/nlgen
//
// in a family package: it reads the package's Go files, looks for types with a
// //nl: directive in their doc comment and writes zz_nl_gen.go (codecs) and
// zz_nl_gen_test.go (fuzz targets, round trips of random values).
//
// Directives, on a line of their own in the type's doc comment:
//
//	//nl:message [NAME...]  a message: family header fields, then attributes; the constants of the
//	                      message types that carry it
//	//nl:nest             a set of attributes inside another one
//	//nl:struct           a fixed C struct: fields in order, natural alignment; decodes from
//	                      fewer bytes (the rest zero) and from more (ignored)
//
//	//nl:skip NAME...     attributes that are known and not wanted: not even in Rest (pads, old forms)
//
// A struct type may embed or name in its first field a header: a field whose type is an
// //nl:struct and whose tag is `nl:"header"`. Attribute fields are tagged
//
//	`nl:"NAME[,option...]"`
//
// where NAME is a constant of the package, spelled as the kernel's header spells it.
// The Go type decides the wire form:
//
//	uint8..uint64, int8..int64   host order; decoded by the length that came (1, 2, 4 or 8 bytes)
//	bool                         uint8
//	string                       NUL-terminated; decoding stops at the first NUL
//	[]byte, net.HardwareAddr     as they are
//	netip.Addr                   4 or 16 bytes
//	netip.Prefix                 address bytes; with len=Header.Field the length lives in the header
//	time.Duration                with unit=s|ms|us|ns|jiffies(1/100 s), 32 bit unless width=64
//	an //nl:struct type          its bytes
//	an //nl:nest type            a nested set of attributes
//	[]T of an //nl:nest type     with array: one attribute whose nested attributes of any type are the
//	                             elements, numbered from 1 (or 0 with base=0); with multi: the attribute repeated
//	[]uintN                      with packed: values side by side; with array as above
//
//	[]T of an //nl:nest type whose header begins with a 16-bit length, with records: elements
//	                             side by side, as in RTA_MULTIPATH; the encoder fills the length in
//	[]T of an //nl:struct type   with packed
//
// A pointer to a nest or struct is sent if it is not nil. An element of a list may be any of the plain
// types too ([]string with multi or array).
//
// Options: be (big endian), flag (a bool that is there or not, no payload), func (hand-written
// methods appendFIELD(b []byte) ([]byte, error), which appends the whole attribute or nothing, and
// decodeFIELD(v []byte) error, which takes the payload; a method schemaFIELD() *attr.Schema names
// what is inside, a method chooseFIELD(set []byte) *attr.Schema does it by what stands beside; any field may have them), always (sent even if zero), nosend (decoded only), over=Header.Field (also stored in
// the 8-bit header field when it fits, which is then read when the attribute is absent; the attribute is sent
// only if it does not fit or its bit is set), nonul, nested=no (do not set NLA_F_NESTED),
// v6=NAME (of a netip.Addr: the attribute for addresses of 16 bytes, if it is another), elem=NAME (the type of all elements of an array), when=Field:value|value (a union: several fields have the
// same NAME, and this one is meant if Field, of the type or of its header, has one of the values), in=Field (of
// a union, what is left: with the same NAME as the when= fields it takes the other cases; alone it only says
// that it is decoded after the loop, when Field is known).
//
// A field `Has XxxSet` holds presence: the generated bit set type XxxSet has a constant XxxField for each
// attribute (64 at most). Encoding sends a field that is not zero or whose bit is set; decoding sets the bits of
// what came. A nest is sent if there is something inside or its bit is set. A field
// `Rest []attr.Raw` tagged `nl:"rest"` keeps what is not known if the bit XxxRest is set before Decode
// (Reset leaves that bit; nests inherit it), and is sent last. Untagged fields are the package's own: only Reset touches them.
//
// For each message and nest T the generator writes
//
//	func (m *T) AppendBody(b []byte) ([]byte, error)
//	func (m *T) Decode(b []byte) error    // resets m first, reuses its slices; copies what it keeps
//	func (m *T) Reset()
//	func (*T) Schema() *attr.Schema       // names for error paths
//	func (*T) MessageName(uint16) string  // if the directive has types
//
// and for each struct Append(b []byte) []byte and Decode(b []byte). Types of other packages of
// the module can be used if they are tagged there.
//
// Decoding fails only for broken framing; unknown attributes are skipped; resized integers and structs are
// taken by the length that came.
package main
