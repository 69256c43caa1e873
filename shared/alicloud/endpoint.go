package alicloud

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// vendorDomain ends the name of every host that is spoken to, but loopback.
const vendorDomain = ".aliyuncs.com"

// endpoint is where one API is served.
type endpoint struct {
	scheme string
	// host is "name" or "name:port".
	host string
}

// parseEndpoint reads an override. Bare hosts are https. It fails with
// fault.Invalid, naming field, unless the host is loopback or the vendor's,
// and for http:// unless the host is loopback.
func parseEndpoint(field, text string) (endpoint, error) {
	refuse := func(why string) (endpoint, error) {
		return endpoint{}, fault.InField(field, "endpointRefused", "%s", why)
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return refuse("must be a host or https://host")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return refuse("must have no user, path, query or fragment")
	}
	e := endpoint{scheme: u.Scheme, host: strings.ToLower(u.Host)}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return refuse("must be https")
	case loopback(e.name()):
		return e, nil
	case u.Scheme == "http":
		return refuse("must be https unless the host is loopback")
	case !vendor(e.name()):
		return refuse("must be a host under aliyuncs.com, or loopback")
	}
	return e, nil
}

// name returns the host without the port.
func (e endpoint) name() string {
	if name, _, err := net.SplitHostPort(e.host); err == nil {
		return name
	}
	return strings.Trim(e.host, "[]")
}

// loopback reports whether name is this machine by definition, without asking
// a resolver.
func loopback(name string) bool {
	if name == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.Unmap().IsLoopback()
}

// vendor reports whether name is a host of Alibaba Cloud.
func vendor(name string) bool {
	return strings.HasSuffix(name, vendorDomain) && isHost(name)
}

// essCentral are the regions whose Auto Scaling has no host of its own but the one
// that serves the older regions. Source: the SDK's table for ESS.
const essCentral = `cn-beijing cn-fujian cn-hangzhou cn-hangzhou-finance cn-hongkong cn-north-2-gov-1 cn-qingdao
	cn-shanghai cn-shanghai-finance-1 cn-shenzhen cn-shenzhen-finance-1 cn-wuhan cn-zhangbei
	ap-southeast-1 us-east-1 us-west-1`

// checkRegion fails with fault.Invalid for what cannot be a region's id.
func checkRegion(id image.RegionID) error {
	if !isRegion(string(id)) {
		return fault.InField("regionId", "regionMalformed", "must look like cn-hangzhou")
	}
	return nil
}

// allowed reports whether a request may be sent to u at all. It is asked again
// before each call, because an address may come from an answer.
func allowed(u *url.URL) bool {
	name := u.Hostname()
	return loopback(name) || u.Scheme == "https" && vendor(name)
}

// newTransport returns the one transport of a Cloud: TLS 1.2 or newer, no
// proxy, and a guard against names that resolve to where no endpoint is.
func newTransport(inFlight int, roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext:            dialGuarded,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           8 * inFlight,
		MaxIdleConnsPerHost:    inFlight,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// dialGuarded connects to an allowed host, and only to an address that such a
// host may have.
func dialGuarded(ctx context.Context, network, address string) (net.Conn, error) {
	name, _, err := net.SplitHostPort(address)
	if err != nil || !loopback(name) && !vendor(name) {
		return nil, errRefusedAddress
	}
	dialer := net.Dialer{
		Timeout:   5 * time.Second,
		KeepAlive: 30 * time.Second,
		Control: func(_, resolved string, _ syscall.RawConn) error {
			return checkAddress(loopback(name), resolved)
		},
	}
	return dialer.DialContext(ctx, network, address)
}

// errRefusedAddress is a guard's answer.
const errRefusedAddress = refusedAddress("address refused")

type refusedAddress string

func (r refusedAddress) Error() string { return string(r) }

// checkAddress refuses the addresses that no endpoint has. A loopback host is
// only ever on loopback; a host of the vendor never is, nor on link-local,
// unspecified or multicast addresses, nor at the instance metadata server.
// Private addresses and 100.64.0.0/10 are let through, because VPC endpoints
// and PrivateLink live there; what is there must still show the vendor's
// certificate.
func checkAddress(local bool, resolved string) error {
	at, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return errRefusedAddress
	}
	address := at.Addr().Unmap().WithZone("")
	metadata := netip.AddrFrom4([4]byte{100, 100, 100, 200})
	outside := address.IsGlobalUnicast() && address != metadata
	if local != address.IsLoopback() || !local && !outside {
		return errRefusedAddress
	}
	return nil
}
