package ovnexpr

// What most senders mean that MicroflowFrame fills in.
const (
	usualTTL = 64
	// noNextHeader is ip.proto of an IPv6 packet that ends with its header (RFC 8200 section 4.7); 0 would announce options.
	noNextHeader = 59
)

// MicroflowFrame makes the frame of the packet that a microflow describes, and tells the port where it comes in: port, unless the text
// says inport. Unlike ovn-trace(8) it gives IP packets of which ip.ttl is not said the usual one, and IPv6 packets without ip.proto no
// next header. The error is a *SyntaxError where the text is no expression.
func MicroflowFrame(text, port string) (frame []byte, inport string, err error) {
	e, err := Parse(text)
	if err != nil {
		return nil, "", err
	}
	f, err := Microflow(e)
	if err != nil {
		return nil, "", err
	}
	if f.Texts["inport"] == "" && port != "" {
		f.Texts["inport"] = port
	}
	switch f.Int("eth.type") {
	case Uint(typeIPv4):
		f.assume("ip.ttl", usualTTL)
	case Uint(typeIPv6):
		f.assume("ip.ttl", usualTTL)
		f.assume("ip.proto", noNextHeader)
	}
	return f.Frame()
}

// assume gives a field that is not known a value.
func (f Fields) assume(name string, value uint64) {
	if _, known := f.Ints[name]; !known {
		f.Ints[name] = Uint(value)
	}
}
