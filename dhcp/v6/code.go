package v6

import "sort"

// Numbers of options. Source: the registry of DHCPv6 parameters at IANA, which names the
// document of each.
const (
	OptClientID           Code = 1
	OptServerID           Code = 2
	OptIANA               Code = 3
	OptIATA               Code = 4
	OptIAAddr             Code = 5
	OptORO                Code = 6
	OptPreference         Code = 7
	OptElapsedTime        Code = 8
	OptRelayMessage       Code = 9
	OptAuth               Code = 11
	OptUnicast            Code = 12
	OptStatusCode         Code = 13
	OptRapidCommit        Code = 14
	OptUserClass          Code = 15
	OptVendorClass        Code = 16
	OptVendorOptions      Code = 17
	OptInterfaceID        Code = 18
	OptReconfigureMessage Code = 19
	OptReconfigureAccept  Code = 20
	OptSIPDomains         Code = 21
	OptSIPServers         Code = 22
	OptDNS                Code = 23
	OptDomainSearch       Code = 24
	OptIAPD               Code = 25
	OptIAPrefix           Code = 26
	OptNISServers         Code = 27
	OptNISPlusServers     Code = 28
	OptNISDomain          Code = 29
	OptNISPlusDomain      Code = 30
	OptSNTPServers        Code = 31
	OptInfoRefreshTime    Code = 32
	OptBCMCSDomains       Code = 33
	OptBCMCSServers       Code = 34
	OptCivicLocation      Code = 36
	OptRemoteID           Code = 37
	OptSubscriberID       Code = 38
	OptFQDN               Code = 39
	OptPANAAgents         Code = 40
	OptPosixTimezone      Code = 41
	OptTZDBTimezone       Code = 42
	OptERO                Code = 43
	OptLoSTServer         Code = 51
	OptCAPWAPControllers  Code = 52
	OptNTPServers         Code = 56
	OptSIPUADomains       Code = 57
	OptBootFileURL        Code = 59
	OptBootFileParams     Code = 60
	OptClientArch         Code = 61
	OptNII                Code = 62
	OptGeoLoc             Code = 63
	OptAFTRName           Code = 64
	OptERPDomain          Code = 65
	OptRSOO               Code = 66
	OptPDExclude          Code = 67
	OptVSS                Code = 68
	OptRDNSSSelection     Code = 74
	OptClientLinkLayer    Code = 79
	OptLinkAddress        Code = 80
	OptSolMaxRT           Code = 82
	OptInfMaxRT           Code = 83
	OptPCPServers         Code = 86
	OptDHCPv4Message      Code = 87
	OptDHCP4o6Servers     Code = 88
	OptS46Rule            Code = 89
	OptS46BR              Code = 90
	OptS46MAPE            Code = 94
	OptS46MAPT            Code = 95
	OptS46LW              Code = 96
	OptCaptivePortal      Code = 103
	OptMUDURL             Code = 112
	OptRelayPort          Code = 135
	OptDNR                Code = 144
)

// Info is what the table says of an option. The length of a value, in bytes, is at least Min, at most Max
// and a multiple of Unit.
type Info struct {
	Code           Code
	Name           string // "" if the option has none here; Code.Name is never empty
	Kind           Kind
	Min, Max, Unit int
}

// Describe returns what is known of an option; of one without a name, that it
// is Opaque.
func Describe(c Code) Info {
	i := find(c)
	k := &kinds[i.Kind]
	i.Code, i.Unit = c, k.unit
	if i.Min == 0 {
		i.Min = k.min
	}
	if i.Max == 0 {
		i.Max = k.max
	}
	return i
}

// find returns the row of an option, or an empty one.
func find(c Code) Info {
	i := sort.Search(len(table), func(i int) bool { return table[i].Code >= c })
	if i < len(table) && table[i].Code == c {
		return table[i]
	}
	return Info{}
}

// table is in the order of the numbers. It has what RFCs say beyond the kind: a length of its own.
var table = [...]Info{
	{Code: OptClientID, Name: "client_id", Kind: KindDUID},
	{Code: OptServerID, Name: "server_id", Kind: KindDUID},
	{Code: OptIANA, Name: "ia_na", Kind: KindIA, Min: 12},
	{Code: OptIATA, Name: "ia_ta", Kind: KindIATA, Min: 4},
	{Code: OptIAAddr, Name: "ia_addr", Kind: KindIAAddr, Min: 24},
	{Code: OptORO, Name: "option_request", Kind: KindCodes},
	{Code: OptPreference, Name: "preference", Kind: KindUint8},
	{Code: OptElapsedTime, Name: "elapsed_time", Kind: KindHundredths},
	{Code: OptRelayMessage, Name: "relay_message", Kind: KindMessage, Min: 4},
	{Code: OptAuth, Name: "auth", Kind: KindAuth, Min: 11},
	{Code: OptUnicast, Name: "server_unicast", Kind: KindAddr},
	{Code: OptStatusCode, Name: "status_code", Kind: KindStatus, Min: 2},
	{Code: OptRapidCommit, Name: "rapid_commit", Kind: KindEmpty},
	{Code: OptUserClass, Name: "user_class", Kind: KindClasses, Min: 2},
	{Code: OptVendorClass, Name: "vendor_class", Kind: KindVendorClass, Min: 4},
	{Code: OptVendorOptions, Name: "vendor_options", Kind: KindVendorOptions, Min: 4},
	{Code: OptInterfaceID, Name: "interface_id", Kind: KindOpaque},
	{Code: OptReconfigureMessage, Name: "reconfigure_message", Kind: KindUint8},
	{Code: OptReconfigureAccept, Name: "reconfigure_accept", Kind: KindEmpty},
	{Code: OptSIPDomains, Name: "sip_domains", Kind: KindNames},
	{Code: OptSIPServers, Name: "sip_servers", Kind: KindAddrs},
	{Code: OptDNS, Name: "dns_servers", Kind: KindAddrs},
	{Code: OptDomainSearch, Name: "domain_search", Kind: KindNames},
	{Code: OptIAPD, Name: "ia_pd", Kind: KindIA, Min: 12},
	{Code: OptIAPrefix, Name: "ia_prefix", Kind: KindIAPrefix, Min: 25},
	{Code: OptNISServers, Name: "nis_servers", Kind: KindAddrs},
	{Code: OptNISPlusServers, Name: "nisplus_servers", Kind: KindAddrs},
	{Code: OptNISDomain, Name: "nis_domain", Kind: KindNames},
	{Code: OptNISPlusDomain, Name: "nisplus_domain", Kind: KindNames},
	{Code: OptSNTPServers, Name: "sntp_servers", Kind: KindAddrs},
	{Code: OptInfoRefreshTime, Name: "information_refresh_time", Kind: KindSeconds},
	{Code: OptBCMCSDomains, Name: "bcms_controller_names", Kind: KindNames},
	{Code: OptBCMCSServers, Name: "bcms_controller_address", Kind: KindAddrs},
	{Code: OptCivicLocation, Name: "geoconf_civic", Kind: KindOpaque},
	{Code: OptRemoteID, Name: "remote_id", Kind: KindOpaque, Min: 5},
	{Code: OptSubscriberID, Name: "subscriber_id", Kind: KindOpaque},
	{Code: OptFQDN, Name: "fqdn", Kind: KindFQDN, Min: 1},
	{Code: OptPANAAgents, Name: "pana_agent", Kind: KindAddrs},
	{Code: OptPosixTimezone, Name: "posix_timezone", Kind: KindText, Min: 1},
	{Code: OptTZDBTimezone, Name: "tzdb_timezone", Kind: KindText, Min: 1},
	{Code: OptERO, Name: "echo_request", Kind: KindCodes},
	{Code: OptLoSTServer, Name: "lost_server", Kind: KindNames},
	{Code: OptCAPWAPControllers, Name: "capwap_ac", Kind: KindAddrs},
	{Code: OptNTPServers, Name: "ntp_servers", Kind: KindNTP, Min: 4},
	{Code: OptSIPUADomains, Name: "sip_ua_config_domains", Kind: KindNames},
	{Code: OptBootFileURL, Name: "bootfile_url", Kind: KindText, Min: 1},
	{Code: OptBootFileParams, Name: "bootfile_parameters", Kind: KindClasses, Min: 2},
	{Code: OptClientArch, Name: "client_system", Kind: KindUint16s},
	{Code: OptNII, Name: "client_ndi", Kind: KindOpaque, Min: 3, Max: 3},
	{Code: OptGeoLoc, Name: "geoloc", Kind: KindOpaque},
	{Code: OptAFTRName, Name: "aftr_name", Kind: KindNames},
	{Code: OptERPDomain, Name: "erp_local_domain", Kind: KindNames},
	{Code: OptRSOO, Name: "relay_supplied_options", Kind: KindOptions},
	{Code: OptPDExclude, Name: "pd_exclude", Kind: KindOpaque, Min: 2},
	{Code: OptVSS, Name: "vss", Kind: KindOpaque, Min: 1},
	{Code: OptRDNSSSelection, Name: "rdnss_selection", Kind: KindOpaque, Min: 17},
	{Code: OptClientLinkLayer, Name: "client_linklayer_address", Kind: KindOpaque, Min: 3},
	{Code: OptLinkAddress, Name: "link_address", Kind: KindAddr},
	{Code: OptSolMaxRT, Name: "sol_max_rt", Kind: KindSeconds},
	{Code: OptInfMaxRT, Name: "inf_max_rt", Kind: KindSeconds},
	{Code: OptPCPServers, Name: "pcp_servers", Kind: KindAddrs},
	{Code: OptDHCPv4Message, Name: "dhcpv4_message", Kind: KindOpaque, Min: 240},
	{Code: OptDHCP4o6Servers, Name: "dhcp4o6_servers", Kind: KindAddrsOrNone},
	{Code: OptS46Rule, Name: "s46_rule", Kind: KindOpaque},
	{Code: OptS46BR, Name: "s46_br", Kind: KindOpaque, Min: 16},
	{Code: OptS46MAPE, Name: "s46_mape", Kind: KindOptions},
	{Code: OptS46MAPT, Name: "s46_mapt", Kind: KindOptions},
	{Code: OptS46LW, Name: "s46_lw", Kind: KindOptions},
	{Code: OptCaptivePortal, Name: "captive_portal_uri", Kind: KindText, Min: 1},
	{Code: OptMUDURL, Name: "mud_url", Kind: KindText, Min: 1},
	{Code: OptRelayPort, Name: "relay_source_port", Kind: KindUint16},
	{Code: OptDNR, Name: "dnr", Kind: KindOpaque},
}
