package v4

import "github.com/netfs-project/netfs/dhcp/internal/layout"

// Numbers of options. Source: RFC 2132 and the registry of BOOTP and DHCP
// parameters at IANA, which names the document of each. 249 and 252 are Microsoft's.
const (
	optPad Code = 0
	optEnd Code = 255

	OptSubnetMask             Code = 1
	OptTimeOffset             Code = 2
	OptRouters                Code = 3
	OptTimeServers            Code = 4
	OptNameServers            Code = 5
	OptDNS                    Code = 6
	OptLogServers             Code = 7
	OptCookieServers          Code = 8
	OptLPRServers             Code = 9
	OptImpressServers         Code = 10
	OptResourceServers        Code = 11
	OptHostname               Code = 12
	OptBootFileSize           Code = 13
	OptMeritDump              Code = 14
	OptDomainName             Code = 15
	OptSwapServer             Code = 16
	OptRootPath               Code = 17
	OptExtensionsPath         Code = 18
	OptIPForwarding           Code = 19
	OptNonLocalSourceRouting  Code = 20
	OptPolicyFilter           Code = 21
	OptMaxReassembly          Code = 22
	OptDefaultTTL             Code = 23
	OptPathMTUAging           Code = 24
	OptPathMTUPlateau         Code = 25
	OptMTU                    Code = 26
	OptAllSubnetsLocal        Code = 27
	OptBroadcastAddr          Code = 28
	OptMaskDiscovery          Code = 29
	OptMaskSupplier           Code = 30
	OptRouterDiscovery        Code = 31
	OptRouterSolicitationAddr Code = 32
	OptStaticRoutes           Code = 33
	OptTrailerEncapsulation   Code = 34
	OptARPTimeout             Code = 35
	OptEthernetEncapsulation  Code = 36
	OptDefaultTCPTTL          Code = 37
	OptTCPKeepaliveInterval   Code = 38
	OptTCPKeepaliveGarbage    Code = 39
	OptNISDomain              Code = 40
	OptNISServers             Code = 41
	OptNTPServers             Code = 42
	OptVendorSpecific         Code = 43
	OptNetBIOSNameServers     Code = 44
	OptNetBIOSDatagramServers Code = 45
	OptNetBIOSNodeType        Code = 46
	OptNetBIOSScope           Code = 47
	OptXFontServers           Code = 48
	OptXDisplayManagers       Code = 49
	OptRequestedIP            Code = 50
	OptLeaseTime              Code = 51
	OptOverload               Code = 52
	OptMessageType            Code = 53
	OptServerID               Code = 54
	OptParameterList          Code = 55
	OptMessage                Code = 56
	OptMaxSize                Code = 57
	OptT1                     Code = 58
	OptT2                     Code = 59
	OptVendorClass            Code = 60
	OptClientID               Code = 61
	OptNetWareDomain          Code = 62
	OptNetWareInfo            Code = 63
	OptNISPlusDomain          Code = 64
	OptNISPlusServers         Code = 65
	OptTFTPServer             Code = 66
	OptBootFile               Code = 67
	OptMobileIPHomeAgents     Code = 68
	OptSMTPServers            Code = 69
	OptPOP3Servers            Code = 70
	OptNNTPServers            Code = 71
	OptWWWServers             Code = 72
	OptFingerServers          Code = 73
	OptIRCServers             Code = 74
	OptStreetTalkServers      Code = 75
	OptSTDAServers            Code = 76
	OptUserClass              Code = 77
	OptSLPAgents              Code = 78
	OptSLPScope               Code = 79
	OptRapidCommit            Code = 80
	OptFQDN                   Code = 81
	OptRelayInfo              Code = 82
	OptISNS                   Code = 83
	OptNDSServers             Code = 85
	OptNDSTree                Code = 86
	OptNDSContext             Code = 87
	OptBCMCSDomains           Code = 88
	OptBCMCSServers           Code = 89
	OptAuth                   Code = 90
	OptLastTransaction        Code = 91
	OptAssociatedIP           Code = 92
	OptClientArch             Code = 93
	OptClientNDI              Code = 94
	OptLDAP                   Code = 95
	OptClientUUID             Code = 97
	OptUserAuth               Code = 98
	OptCivicLocation          Code = 99
	OptPosixTimezone          Code = 100
	OptTZDBTimezone           Code = 101
	OptIPv6Only               Code = 108
	OptDHCP4o6Source          Code = 109
	OptNetInfoServers         Code = 112
	OptNetInfoTag             Code = 113
	OptCaptivePortal          Code = 114
	OptAutoConfigure          Code = 116
	OptNameSearch             Code = 117
	OptSubnetSelection        Code = 118
	OptDomainSearch           Code = 119
	OptSIPServers             Code = 120
	OptClasslessRoutes        Code = 121
	OptCableLabs              Code = 122
	OptGeoConf                Code = 123
	OptVIVendorClass          Code = 124
	OptVIVendorOptions        Code = 125
	OptPANAAgents             Code = 136
	OptLoSTServer             Code = 137
	OptCAPWAPControllers      Code = 138
	OptMoSAddrs               Code = 139
	OptMoSNames               Code = 140
	OptSIPUADomains           Code = 141
	OptANDSFServers           Code = 142
	OptSZTPRedirect           Code = 143
	OptGeoLoc                 Code = 144
	OptForceRenewNonce        Code = 145
	OptRDNSSSelection         Code = 146
	OptDOTSName               Code = 147
	OptDOTSAddrs              Code = 148
	OptTFTPServers            Code = 150
	OptStatusCode             Code = 151
	OptBaseTime               Code = 152
	OptStateStart             Code = 153
	OptQueryStart             Code = 154
	OptQueryEnd               Code = 155
	OptState                  Code = 156
	OptDataSource             Code = 157
	OptPCPServers             Code = 158
	OptPortParams             Code = 159
	OptMUDURL                 Code = 161
	OptDNR                    Code = 162
	OptPXELinuxMagic          Code = 208
	OptPXELinuxConfig         Code = 209
	OptPXELinuxPrefix         Code = 210
	OptPXELinuxReboot         Code = 211
	OptSixRD                  Code = 212
	OptAccessDomain           Code = 213
	OptSubnetAllocation       Code = 220
	OptVSS                    Code = 221
	OptMSClasslessRoutes      Code = 249
	OptWPAD                   Code = 252
)

// Info is what the table says of an option. The length of a value, in bytes, is
// at least Min, at most Max (65535: no limit but the message's), and a multiple of Unit.
type Info struct {
	Code           Code
	Name           string // "" if the option has none here; Code.Name is never empty
	Kind           Kind
	Min, Max, Unit int

	layout *layout.Layout // of a KindRecord
}

// Fields are the names of the fields of a KindRecord, in their order: a,b,c.
func (i Info) Fields() string {
	if i.layout == nil {
		return ""
	}
	return i.layout.String()
}

// Describe returns what is known of an option; of one without a name, that it is Opaque.
func Describe(c Code) Info {
	i := table[c]
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

// table has what RFCs say beyond the kind: a length of its own.
var table = [256]Info{
	OptSubnetMask:             {Name: "subnet_mask", Kind: KindAddr},
	OptTimeOffset:             {Name: "time_offset", Kind: KindInt32},
	OptRouters:                {Name: "routers", Kind: KindAddrs},
	OptTimeServers:            {Name: "time_servers", Kind: KindAddrs},
	OptNameServers:            {Name: "ien116_name_servers", Kind: KindAddrs},
	OptDNS:                    {Name: "domain_name_servers", Kind: KindAddrs},
	OptLogServers:             {Name: "log_servers", Kind: KindAddrs},
	OptCookieServers:          {Name: "cookie_servers", Kind: KindAddrs},
	OptLPRServers:             {Name: "lpr_servers", Kind: KindAddrs},
	OptImpressServers:         {Name: "impress_servers", Kind: KindAddrs},
	OptResourceServers:        {Name: "resource_location_servers", Kind: KindAddrs},
	OptHostname:               {Name: "host_name", Kind: KindHost},
	OptBootFileSize:           {Name: "boot_size", Kind: KindUint16},
	OptMeritDump:              {Name: "merit_dump", Kind: KindText, Min: 1},
	OptDomainName:             {Name: "domain_name", Kind: KindHost},
	OptSwapServer:             {Name: "swap_server", Kind: KindAddr},
	OptRootPath:               {Name: "root_path", Kind: KindText, Min: 1},
	OptExtensionsPath:         {Name: "extensions_path", Kind: KindText, Min: 1},
	OptIPForwarding:           {Name: "ip_forwarding", Kind: KindBool},
	OptNonLocalSourceRouting:  {Name: "non_local_source_routing", Kind: KindBool},
	OptPolicyFilter:           {Name: "policy_filter", Kind: KindAddrPairs},
	OptMaxReassembly:          {Name: "max_dgram_reassembly", Kind: KindUint16},
	OptDefaultTTL:             {Name: "default_ip_ttl", Kind: KindUint8},
	OptPathMTUAging:           {Name: "path_mtu_aging_timeout", Kind: KindSeconds},
	OptPathMTUPlateau:         {Name: "path_mtu_plateau_table", Kind: KindUint16s},
	OptMTU:                    {Name: "interface_mtu", Kind: KindUint16},
	OptAllSubnetsLocal:        {Name: "all_subnets_local", Kind: KindBool},
	OptBroadcastAddr:          {Name: "broadcast_address", Kind: KindAddr},
	OptMaskDiscovery:          {Name: "perform_mask_discovery", Kind: KindBool},
	OptMaskSupplier:           {Name: "mask_supplier", Kind: KindBool},
	OptRouterDiscovery:        {Name: "router_discovery", Kind: KindBool},
	OptRouterSolicitationAddr: {Name: "router_solicitation_address", Kind: KindAddr},
	OptStaticRoutes:           {Name: "static_routes", Kind: KindAddrPairs},
	OptTrailerEncapsulation:   {Name: "trailer_encapsulation", Kind: KindBool},
	OptARPTimeout:             {Name: "arp_cache_timeout", Kind: KindSeconds},
	OptEthernetEncapsulation:  {Name: "ieee802_3_encapsulation", Kind: KindBool},
	OptDefaultTCPTTL:          {Name: "default_tcp_ttl", Kind: KindUint8},
	OptTCPKeepaliveInterval:   {Name: "tcp_keepalive_interval", Kind: KindSeconds},
	OptTCPKeepaliveGarbage:    {Name: "tcp_keepalive_garbage", Kind: KindBool},
	OptNISDomain:              {Name: "nis_domain", Kind: KindText, Min: 1},
	OptNISServers:             {Name: "nis_servers", Kind: KindAddrs},
	OptNTPServers:             {Name: "ntp_servers", Kind: KindAddrs},
	OptVendorSpecific:         {Name: "vendor_encapsulated_options", Kind: KindOpaque},
	OptNetBIOSNameServers:     {Name: "netbios_name_servers", Kind: KindAddrs},
	OptNetBIOSDatagramServers: {Name: "netbios_dd_servers", Kind: KindAddrs},
	OptNetBIOSNodeType:        {Name: "netbios_node_type", Kind: KindUint8},
	OptNetBIOSScope:           {Name: "netbios_scope", Kind: KindText},
	OptXFontServers:           {Name: "font_servers", Kind: KindAddrs},
	OptXDisplayManagers:       {Name: "x_display_managers", Kind: KindAddrs},
	OptRequestedIP:            {Name: "requested_address", Kind: KindAddr},
	OptLeaseTime:              {Name: "lease_time", Kind: KindSeconds},
	OptOverload:               {Name: "option_overload", Kind: KindUint8},
	OptMessageType:            {Name: "message_type", Kind: KindMessageType},
	OptServerID:               {Name: "server_identifier", Kind: KindAddr},
	OptParameterList:          {Name: "parameter_request_list", Kind: KindCodes},
	OptMessage:                {Name: "message", Kind: KindText, Min: 1},
	OptMaxSize:                {Name: "max_message_size", Kind: KindUint16},
	OptT1:                     {Name: "renewal_time", Kind: KindSeconds},
	OptT2:                     {Name: "rebinding_time", Kind: KindSeconds},
	OptVendorClass:            {Name: "vendor_class_identifier", Kind: KindText, Min: 1},
	OptClientID:               {Name: "client_identifier", Kind: KindClientID},
	OptNetWareDomain:          {Name: "nwip_domain", Kind: KindText, Min: 1},
	OptNetWareInfo:            {Name: "nwip_suboptions", Kind: KindSubOptions},
	OptNISPlusDomain:          {Name: "nisplus_domain", Kind: KindText, Min: 1},
	OptNISPlusServers:         {Name: "nisplus_servers", Kind: KindAddrs},
	OptTFTPServer:             {Name: "tftp_server_name", Kind: KindText, Min: 1},
	OptBootFile:               {Name: "bootfile_name", Kind: KindText, Min: 1},
	OptMobileIPHomeAgents:     {Name: "mobile_ip_home_agents", Kind: KindAddrsOrNone},
	OptSMTPServers:            {Name: "smtp_servers", Kind: KindAddrs},
	OptPOP3Servers:            {Name: "pop_servers", Kind: KindAddrs},
	OptNNTPServers:            {Name: "nntp_servers", Kind: KindAddrs},
	OptWWWServers:             {Name: "www_servers", Kind: KindAddrs},
	OptFingerServers:          {Name: "finger_servers", Kind: KindAddrs},
	OptIRCServers:             {Name: "irc_servers", Kind: KindAddrs},
	OptStreetTalkServers:      {Name: "streettalk_servers", Kind: KindAddrs},
	OptSTDAServers:            {Name: "streettalk_directory_assistance_servers", Kind: KindAddrs},
	OptUserClass:              {Name: "user_class", Kind: KindClasses},
	OptSLPAgents:              {Name: "slp_directory_agent", Kind: KindFlagAddrs},
	OptSLPScope:               {Name: "slp_service_scope", Kind: KindFlagText},
	OptRapidCommit:            {Name: "rapid_commit", Kind: KindEmpty},
	OptFQDN:                   {Name: "fqdn", Kind: KindFQDN},
	OptRelayInfo:              {Name: "relay_agent_information", Kind: KindSubOptions},
	OptISNS:                   {Name: "isns_servers", Kind: KindRecord, layout: layout.New("functions:u16 discovery:u16 flags:u16 security:u32 servers:ip4s")},
	OptNDSServers:             {Name: "nds_servers", Kind: KindAddrs},
	OptNDSTree:                {Name: "nds_tree_name", Kind: KindText, Min: 1},
	OptNDSContext:             {Name: "nds_context", Kind: KindText, Min: 1},
	OptBCMCSDomains:           {Name: "bcms_controller_names", Kind: KindNames},
	OptBCMCSServers:           {Name: "bcms_controller_address", Kind: KindAddrs},
	OptAuth:                   {Name: "auth", Kind: KindAuth},
	OptLastTransaction:        {Name: "client_last_transaction_time", Kind: KindSeconds},
	OptAssociatedIP:           {Name: "associated_ip", Kind: KindAddrs},
	OptClientArch:             {Name: "client_system", Kind: KindUint16s},
	OptClientNDI:              {Name: "client_ndi", Kind: KindUint8s, Min: 3, Max: 3},
	OptLDAP:                   {Name: "ldap_url", Kind: KindText, Min: 1},
	OptClientUUID:             {Name: "client_machine_id", Kind: KindRecord, Min: 2, layout: layout.New("type:u8 id:hex")},
	OptUserAuth:               {Name: "uap_servers", Kind: KindText, Min: 1},
	OptCivicLocation:          {Name: "geoconf_civic", Kind: KindCivic},
	OptPosixTimezone:          {Name: "posix_timezone", Kind: KindText, Min: 1},
	OptTZDBTimezone:           {Name: "tzdb_timezone", Kind: KindText, Min: 1},
	OptIPv6Only:               {Name: "ipv6_only_preferred", Kind: KindSeconds},
	OptDHCP4o6Source:          {Name: "dhcp4o6_source_address", Kind: KindAddr6},
	OptNetInfoServers:         {Name: "netinfo_server_address", Kind: KindAddrs},
	OptNetInfoTag:             {Name: "netinfo_server_tag", Kind: KindText, Min: 1},
	OptCaptivePortal:          {Name: "captive_portal_uri", Kind: KindText, Min: 1},
	OptAutoConfigure:          {Name: "auto_configure", Kind: KindBool},
	OptNameSearch:             {Name: "name_service_search", Kind: KindUint16s},
	OptSubnetSelection:        {Name: "subnet_selection", Kind: KindAddr},
	OptDomainSearch:           {Name: "domain_search", Kind: KindNames},
	OptSIPServers:             {Name: "sip_servers", Kind: KindSIP},
	OptClasslessRoutes:        {Name: "classless_static_routes", Kind: KindRoutes},
	OptCableLabs:              {Name: "cablelabs_client_configuration", Kind: KindSubOptions},
	OptGeoConf:                {Name: "geoconf", Kind: KindLocation},
	OptVIVendorClass:          {Name: "vivco", Kind: KindEnterprises},
	OptVIVendorOptions:        {Name: "vivso", Kind: KindEnterprises},
	OptPANAAgents:             {Name: "pana_agent", Kind: KindAddrs},
	OptLoSTServer:             {Name: "lost_server", Kind: KindNames},
	OptCAPWAPControllers:      {Name: "capwap_ac", Kind: KindAddrs},
	OptMoSAddrs:               {Name: "mos_ip", Kind: KindSubOptions},
	OptMoSNames:               {Name: "mos_domain", Kind: KindSubOptions},
	OptSIPUADomains:           {Name: "sip_ua_config_domains", Kind: KindNames},
	OptANDSFServers:           {Name: "andsf_servers", Kind: KindAddrs},
	OptSZTPRedirect:           {Name: "sztp_redirect", Kind: KindURIs},
	OptGeoLoc:                 {Name: "geoloc", Kind: KindLocation},
	OptForceRenewNonce:        {Name: "forcerenew_nonce", Kind: KindUint8s},
	OptRDNSSSelection:         {Name: "rdnss_selection", Kind: KindRecord, layout: layout.New("preference:u8 primary:ip4 secondary:ip4 domains:names")},
	OptDOTSName:               {Name: "dots_ri", Kind: KindNames},
	OptDOTSAddrs:              {Name: "dots_address", Kind: KindAddrs},
	OptTFTPServers:            {Name: "tftp_server_address", Kind: KindAddrs},
	OptStatusCode:             {Name: "status_code", Kind: KindFlagText},
	OptBaseTime:               {Name: "base_time", Kind: KindUint32},
	OptStateStart:             {Name: "start_time_of_state", Kind: KindSeconds},
	OptQueryStart:             {Name: "query_start_time", Kind: KindUint32},
	OptQueryEnd:               {Name: "query_end_time", Kind: KindUint32},
	OptState:                  {Name: "dhcp_state", Kind: KindUint8},
	OptDataSource:             {Name: "data_source", Kind: KindUint8},
	OptPCPServers:             {Name: "pcp_servers", Kind: KindAddrLists},
	OptPortParams:             {Name: "port_params", Kind: KindPorts},
	OptMUDURL:                 {Name: "mud_url", Kind: KindText, Min: 1},
	OptDNR:                    {Name: "dnr", Kind: KindResolvers},
	OptPXELinuxMagic:          {Name: "pxelinux_magic", Kind: KindOpaque, Min: 4, Max: 4},
	OptPXELinuxConfig:         {Name: "pxelinux_configfile", Kind: KindText, Min: 1},
	OptPXELinuxPrefix:         {Name: "pxelinux_pathprefix", Kind: KindText, Min: 1},
	OptPXELinuxReboot:         {Name: "pxelinux_reboottime", Kind: KindSeconds},
	OptSixRD:                  {Name: "sixrd", Kind: KindSixRD},
	OptAccessDomain:           {Name: "access_domain", Kind: KindNames},
	OptSubnetAllocation:       {Name: "subnet_allocation", Kind: KindRecord, layout: layout.New("flags:u8 suboptions:hex")},
	OptVSS:                    {Name: "vss", Kind: KindVSS},
	OptMSClasslessRoutes:      {Name: "ms_classless_static_routes", Kind: KindRoutes},
	OptWPAD:                   {Name: "wpad_url", Kind: KindText, Min: 1},
}
