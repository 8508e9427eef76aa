package v6

import (
	"sort"

	"github.com/netfs-project/netfs/dhcp/internal/layout"
)

// Numbers of options. Source: the registry of DHCPv6 parameters at IANA, which names the
// document of each.
const (
	OptClientID             Code = 1
	OptServerID             Code = 2
	OptIANA                 Code = 3
	OptIATA                 Code = 4
	OptIAAddr               Code = 5
	OptORO                  Code = 6
	OptPreference           Code = 7
	OptElapsedTime          Code = 8
	OptRelayMessage         Code = 9
	OptAuth                 Code = 11
	OptUnicast              Code = 12
	OptStatusCode           Code = 13
	OptRapidCommit          Code = 14
	OptUserClass            Code = 15
	OptVendorClass          Code = 16
	OptVendorOptions        Code = 17
	OptInterfaceID          Code = 18
	OptReconfigureMessage   Code = 19
	OptReconfigureAccept    Code = 20
	OptSIPDomains           Code = 21
	OptSIPServers           Code = 22
	OptDNS                  Code = 23
	OptDomainSearch         Code = 24
	OptIAPD                 Code = 25
	OptIAPrefix             Code = 26
	OptNISServers           Code = 27
	OptNISPlusServers       Code = 28
	OptNISDomain            Code = 29
	OptNISPlusDomain        Code = 30
	OptSNTPServers          Code = 31
	OptInfoRefreshTime      Code = 32
	OptBCMCSDomains         Code = 33
	OptBCMCSServers         Code = 34
	OptCivicLocation        Code = 36
	OptRemoteID             Code = 37
	OptSubscriberID         Code = 38
	OptFQDN                 Code = 39
	OptPANAAgents           Code = 40
	OptPosixTimezone        Code = 41
	OptTZDBTimezone         Code = 42
	OptERO                  Code = 43
	OptLQQuery              Code = 44
	OptClientData           Code = 45
	OptCLTTime              Code = 46
	OptLQRelayData          Code = 47
	OptLQClientLinks        Code = 48
	OptMIP6HomeNetwork      Code = 49
	OptMIP6Visited          Code = 50
	OptLoSTServer           Code = 51
	OptCAPWAPControllers    Code = 52
	OptRelayID              Code = 53
	OptMoSAddrs             Code = 54
	OptMoSNames             Code = 55
	OptNTPServers           Code = 56
	OptAccessDomain         Code = 57
	OptSIPUADomains         Code = 58
	OptBootFileURL          Code = 59
	OptBootFileParams       Code = 60
	OptClientArch           Code = 61
	OptNII                  Code = 62
	OptGeoLoc               Code = 63
	OptAFTRName             Code = 64
	OptERPDomain            Code = 65
	OptRSOO                 Code = 66
	OptPDExclude            Code = 67
	OptVSS                  Code = 68
	OptMIP6Identified       Code = 69
	OptMIP6Unidentified     Code = 70
	OptMIP6HomePrefix       Code = 71
	OptMIP6HomeAgent        Code = 72
	OptMIP6HomeAgentName    Code = 73
	OptRDNSSSelection       Code = 74
	OptKerberosPrincipal    Code = 75
	OptKerberosRealm        Code = 76
	OptKerberosDefaultRealm Code = 77
	OptKerberosKDC          Code = 78
	OptClientLinkLayer      Code = 79
	OptLinkAddress          Code = 80
	OptRADIUS               Code = 81
	OptSolMaxRT             Code = 82
	OptInfMaxRT             Code = 83
	OptAddrSel              Code = 84
	OptAddrSelTable         Code = 85
	OptPCPServers           Code = 86
	OptDHCPv4Message        Code = 87
	OptDHCP4o6Servers       Code = 88
	OptS46Rule              Code = 89
	OptS46BR                Code = 90
	OptS46DMR               Code = 91
	OptS46Bind              Code = 92
	OptS46Ports             Code = 93
	OptS46MAPE              Code = 94
	OptS46MAPT              Code = 95
	OptS46LW                Code = 96
	OptFourRD               Code = 97
	OptFourRDMapRule        Code = 98
	OptFourRDNonMapRule     Code = 99
	OptLQBaseTime           Code = 100
	OptLQStartTime          Code = 101
	OptLQEndTime            Code = 102
	OptCaptivePortal        Code = 103
	OptMPLParameters        Code = 104
	OptANITechnology        Code = 105
	OptANINetworkName       Code = 106
	OptANIAPName            Code = 107
	OptANIAPBSSID           Code = 108
	OptANIOperatorID        Code = 109
	OptANIOperatorRealm     Code = 110
	OptS46Priority          Code = 111
	OptMUDURL               Code = 112
	OptPrefix64             Code = 113
	OptFBindingStatus       Code = 114
	OptFConnectFlags        Code = 115
	OptFDNSRemoval          Code = 116
	OptFDNSHostName         Code = 117
	OptFDNSZoneName         Code = 118
	OptFDNSFlags            Code = 119
	OptFExpirationTime      Code = 120
	OptFMaxUnacked          Code = 121
	OptFMCLT                Code = 122
	OptFPartnerLifetime     Code = 123
	OptFPartnerLifetimeSent Code = 124
	OptFPartnerDownTime     Code = 125
	OptFPartnerRawCLTTime   Code = 126
	OptFProtocolVersion     Code = 127
	OptFKeepaliveTime       Code = 128
	OptFReconfigureData     Code = 129
	OptFRelationshipName    Code = 130
	OptFServerFlags         Code = 131
	OptFServerState         Code = 132
	OptFStateStart          Code = 133
	OptFStateExpiration     Code = 134
	OptRelayPort            Code = 135
	OptSZTPRedirect         Code = 136
	OptS46BindPrefix        Code = 137
	OptIALL                 Code = 138
	OptLLAddr               Code = 139
	OptSLAPQuadrants        Code = 140
	OptDOTSName             Code = 141
	OptDOTSAddrs            Code = 142
	OptANDSFServers         Code = 143
	OptDNR                  Code = 144
	OptRegisteredDomain     Code = 145
	OptForwardDistManager   Code = 146
	OptReverseDistManager   Code = 147
	OptAddrRegEnable        Code = 148
	OptIASRv6Locator        Code = 149
	OptIALocator            Code = 150
)

// Info is what the table says of an option. The length of a value, in bytes, is at least Min, at most Max
// and a multiple of Unit.
type Info struct {
	Code           Code
	Name           string // "" if the option has none here; Code.Name is never empty
	Kind           Kind
	Min, Max, Unit int

	layout *layout.Layout // of a KindRecord
}

// Fields are the names of the fields of a KindRecord, in their order: a,b,c, or those and "options".
func (i Info) Fields() string {
	if i.layout == nil {
		return ""
	}
	return i.layout.String()
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
	if i.layout != nil && i.Min <= i.layout.Min() {
		i.Min = i.layout.Min()
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
	{Code: OptCivicLocation, Name: "geoconf_civic", Kind: KindCivic},
	{Code: OptRemoteID, Name: "remote_id", Kind: KindRecord, Min: 5, layout: layout.New("enterprise:u32 id:hex")},
	{Code: OptSubscriberID, Name: "subscriber_id", Kind: KindOpaque},
	{Code: OptFQDN, Name: "fqdn", Kind: KindFQDN, Min: 1},
	{Code: OptPANAAgents, Name: "pana_agent", Kind: KindAddrs},
	{Code: OptPosixTimezone, Name: "posix_timezone", Kind: KindText, Min: 1},
	{Code: OptTZDBTimezone, Name: "tzdb_timezone", Kind: KindText, Min: 1},
	{Code: OptERO, Name: "echo_request", Kind: KindCodes},
	{Code: OptLQQuery, Name: "lq_query", Kind: KindRecord, layout: layout.New("type:u8 link:ip6 :opts")},
	{Code: OptClientData, Name: "client_data", Kind: KindOptions},
	{Code: OptCLTTime, Name: "clt_time", Kind: KindSeconds},
	{Code: OptLQRelayData, Name: "lq_relay_data", Kind: KindRecord, layout: layout.New("peer:ip6 message:hex")},
	{Code: OptLQClientLinks, Name: "lq_client_links", Kind: KindAddrs},
	{Code: OptMIP6HomeNetwork, Name: "mip6_home_network", Kind: KindNames},
	{Code: OptMIP6Visited, Name: "mip6_visited", Kind: KindOptions},
	{Code: OptLoSTServer, Name: "lost_server", Kind: KindNames},
	{Code: OptCAPWAPControllers, Name: "capwap_ac", Kind: KindAddrs},
	{Code: OptRelayID, Name: "relay_id", Kind: KindDUID},
	{Code: OptMoSAddrs, Name: "mos_ip", Kind: KindSubOptions},
	{Code: OptMoSNames, Name: "mos_domain", Kind: KindSubOptions},
	{Code: OptNTPServers, Name: "ntp_servers", Kind: KindNTP, Min: 4},
	{Code: OptAccessDomain, Name: "access_domain", Kind: KindNames},
	{Code: OptSIPUADomains, Name: "sip_ua_config_domains", Kind: KindNames},
	{Code: OptBootFileURL, Name: "bootfile_url", Kind: KindText, Min: 1},
	{Code: OptBootFileParams, Name: "bootfile_parameters", Kind: KindClasses, Min: 2},
	{Code: OptClientArch, Name: "client_system", Kind: KindUint16s},
	{Code: OptNII, Name: "client_ndi", Kind: KindRecord, layout: layout.New("type:u8 major:u8 minor:u8")},
	{Code: OptGeoLoc, Name: "geoloc", Kind: KindLocation},
	{Code: OptAFTRName, Name: "aftr_name", Kind: KindNames},
	{Code: OptERPDomain, Name: "erp_local_domain", Kind: KindNames},
	{Code: OptRSOO, Name: "relay_supplied_options", Kind: KindOptions},
	{Code: OptPDExclude, Name: "pd_exclude", Kind: KindRecord, Min: 2, layout: layout.New("bits:u8 subnet:hex")},
	{Code: OptVSS, Name: "vss", Kind: KindVSS},
	{Code: OptMIP6Identified, Name: "mip6_identified", Kind: KindOptions},
	{Code: OptMIP6Unidentified, Name: "mip6_unidentified", Kind: KindOptions},
	{Code: OptMIP6HomePrefix, Name: "mip6_home_prefix", Kind: KindRecord, layout: layout.New("prefix:pfx6x")},
	{Code: OptMIP6HomeAgent, Name: "mip6_home_agent", Kind: KindAddr},
	{Code: OptMIP6HomeAgentName, Name: "mip6_home_agent_name", Kind: KindNames},
	{Code: OptRDNSSSelection, Name: "rdnss_selection", Kind: KindRecord, layout: layout.New("server:ip6 preference:u8 domains:names")},
	{Code: OptKerberosPrincipal, Name: "krb_principal", Kind: KindOpaque},
	{Code: OptKerberosRealm, Name: "krb_realm", Kind: KindText},
	{Code: OptKerberosDefaultRealm, Name: "krb_default_realm", Kind: KindText},
	{Code: OptKerberosKDC, Name: "krb_kdc", Kind: KindRecord, layout: layout.New("priority:u16 weight:u16 transport:u8 port:u16 address:ip6 realm:text")},
	{Code: OptClientLinkLayer, Name: "client_linklayer_address", Kind: KindRecord, Min: 3, layout: layout.New("type:u16 address:hex")},
	{Code: OptLinkAddress, Name: "link_address", Kind: KindAddr},
	{Code: OptRADIUS, Name: "radius", Kind: KindOpaque},
	{Code: OptSolMaxRT, Name: "sol_max_rt", Kind: KindSeconds},
	{Code: OptInfMaxRT, Name: "inf_max_rt", Kind: KindSeconds},
	{Code: OptAddrSel, Name: "addrsel", Kind: KindRecord, layout: layout.New("flags:u8 :opts")},
	{Code: OptAddrSelTable, Name: "addrsel_table", Kind: KindRecord, layout: layout.New("label:u8 precedence:u8 prefix:pfx6")},
	{Code: OptPCPServers, Name: "pcp_servers", Kind: KindAddrs},
	{Code: OptDHCPv4Message, Name: "dhcpv4_message", Kind: KindOpaque, Min: 240},
	{Code: OptDHCP4o6Servers, Name: "dhcp4o6_servers", Kind: KindAddrsOrNone},
	{Code: OptS46Rule, Name: "s46_rule", Kind: KindRecord, layout: layout.New("flags:u8 ea:u8 ipv4:pfx4 ipv6:pfx6 :opts")},
	{Code: OptS46BR, Name: "s46_br", Kind: KindAddr},
	{Code: OptS46DMR, Name: "s46_dmr", Kind: KindRecord, layout: layout.New("prefix:pfx6")},
	{Code: OptS46Bind, Name: "s46_v4v6bind", Kind: KindRecord, layout: layout.New("address:ip4 prefix:pfx6 :opts")},
	{Code: OptS46Ports, Name: "s46_portparams", Kind: KindPorts},
	{Code: OptS46MAPE, Name: "s46_mape", Kind: KindOptions},
	{Code: OptS46MAPT, Name: "s46_mapt", Kind: KindOptions},
	{Code: OptS46LW, Name: "s46_lw", Kind: KindOptions},
	{Code: OptFourRD, Name: "4rd", Kind: KindOptions},
	{Code: OptFourRDMapRule, Name: "4rd_map_rule", Kind: KindRecord, layout: layout.New("ipv4_bits:u8 ipv6_bits:u8 ea:u8 flags:u8 ipv4:ip4 ipv6:ip6")},
	{Code: OptFourRDNonMapRule, Name: "4rd_non_map_rule", Kind: KindRecord, layout: layout.New("flags:u8 traffic_class:u8 pmtu:u16")},
	{Code: OptLQBaseTime, Name: "lq_base_time", Kind: KindUint32},
	{Code: OptLQStartTime, Name: "lq_start_time", Kind: KindUint32},
	{Code: OptLQEndTime, Name: "lq_end_time", Kind: KindUint32},
	{Code: OptCaptivePortal, Name: "captive_portal_uri", Kind: KindText, Min: 1},
	{Code: OptMPLParameters, Name: "mpl_parameters", Kind: KindRecord, layout: layout.New("flags:u8 unit:u8 seed_lifetime:u16 dm_k:u8 dm_imin:u16 dm_imax:u16 dm_t_exp:u16 c_k:u8 c_imin:u16 c_imax:u16 c_t_exp:u16 domain:ip6s")},
	{Code: OptANITechnology, Name: "ani_technology", Kind: KindUint16},
	{Code: OptANINetworkName, Name: "ani_network_name", Kind: KindText},
	{Code: OptANIAPName, Name: "ani_ap_name", Kind: KindText},
	{Code: OptANIAPBSSID, Name: "ani_ap_bssid", Kind: KindRecord, layout: layout.New("bssid:hex")},
	{Code: OptANIOperatorID, Name: "ani_operator_id", Kind: KindUint32},
	{Code: OptANIOperatorRealm, Name: "ani_operator_realm", Kind: KindText},
	{Code: OptS46Priority, Name: "s46_priority", Kind: KindCodes},
	{Code: OptMUDURL, Name: "mud_url", Kind: KindText, Min: 1},
	{Code: OptPrefix64, Name: "prefix64", Kind: KindRecord, layout: layout.New("asm:pfx6 ssm:pfx6 unicast:pfx6")},
	{Code: OptFBindingStatus, Name: "f_binding_status", Kind: KindUint8},
	{Code: OptFConnectFlags, Name: "f_connect_flags", Kind: KindUint16},
	{Code: OptFDNSRemoval, Name: "f_dns_removal_info", Kind: KindOptions},
	{Code: OptFDNSHostName, Name: "f_dns_host_name", Kind: KindNames},
	{Code: OptFDNSZoneName, Name: "f_dns_zone_name", Kind: KindNames},
	{Code: OptFDNSFlags, Name: "f_dns_flags", Kind: KindUint16},
	{Code: OptFExpirationTime, Name: "f_expiration_time", Kind: KindUint32},
	{Code: OptFMaxUnacked, Name: "f_max_unacked_bndupd", Kind: KindUint32},
	{Code: OptFMCLT, Name: "f_mclt", Kind: KindUint32},
	{Code: OptFPartnerLifetime, Name: "f_partner_lifetime", Kind: KindUint32},
	{Code: OptFPartnerLifetimeSent, Name: "f_partner_lifetime_sent", Kind: KindUint32},
	{Code: OptFPartnerDownTime, Name: "f_partner_down_time", Kind: KindUint32},
	{Code: OptFPartnerRawCLTTime, Name: "f_partner_raw_clt_time", Kind: KindUint32},
	{Code: OptFProtocolVersion, Name: "f_protocol_version", Kind: KindRecord, layout: layout.New("major:u16 minor:u16")},
	{Code: OptFKeepaliveTime, Name: "f_keepalive_time", Kind: KindUint32},
	{Code: OptFReconfigureData, Name: "f_reconfigure_data", Kind: KindRecord, layout: layout.New("time:u32 key:hex")},
	{Code: OptFRelationshipName, Name: "f_relationship_name", Kind: KindText},
	{Code: OptFServerFlags, Name: "f_server_flags", Kind: KindUint8},
	{Code: OptFServerState, Name: "f_server_state", Kind: KindUint8},
	{Code: OptFStateStart, Name: "f_start_time_of_state", Kind: KindUint32},
	{Code: OptFStateExpiration, Name: "f_state_expiration_time", Kind: KindUint32},
	{Code: OptRelayPort, Name: "relay_source_port", Kind: KindUint16},
	{Code: OptSZTPRedirect, Name: "sztp_redirect", Kind: KindClasses, Min: 2},
	{Code: OptS46BindPrefix, Name: "s46_bind_prefix", Kind: KindRecord, layout: layout.New("prefix:pfx6")},
	{Code: OptIALL, Name: "ia_ll", Kind: KindRecord, layout: layout.New("iaid:u32 t1:secs t2:secs :opts")},
	{Code: OptLLAddr, Name: "lladdr", Kind: KindRecord, layout: layout.New("type:u16 address:hex16 extra:u32 valid:secs :opts")},
	{Code: OptSLAPQuadrants, Name: "slap_quadrants", Kind: KindPairs},
	{Code: OptDOTSName, Name: "dots_ri", Kind: KindNames},
	{Code: OptDOTSAddrs, Name: "dots_address", Kind: KindAddrs},
	{Code: OptANDSFServers, Name: "andsf_servers", Kind: KindAddrs},
	{Code: OptDNR, Name: "dnr", Kind: KindResolver},
	{Code: OptRegisteredDomain, Name: "registered_domain", Kind: KindNames},
	{Code: OptForwardDistManager, Name: "forward_dist_manager", Kind: KindRecord, layout: layout.New("transports:u16 name:name")},
	{Code: OptReverseDistManager, Name: "reverse_dist_manager", Kind: KindRecord, layout: layout.New("transports:u16 name:name")},
	{Code: OptAddrRegEnable, Name: "addr_reg_enable", Kind: KindEmpty},
	{Code: OptIASRv6Locator, Name: "ia_srv6_locator", Kind: KindOpaque},
	{Code: OptIALocator, Name: "ia_locator", Kind: KindOpaque},
}
