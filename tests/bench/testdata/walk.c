/* walk ROUTE|CT : the floor of a dump. Asks the kernel for one table and walks
 * the headers of what comes, looking at nothing behind them; prints how many.
 * Built by the benchmark with the system's compiler. netlink(7). */
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char buf[65536];
	int ct = argc > 1 && strcmp(argv[1], "CT") == 0;
	struct {
		struct nlmsghdr h;
		union {
			struct rtmsg r;
			struct nfgenmsg n;
		} u;
	} req = {0};
	int s = socket(AF_NETLINK, SOCK_RAW, ct ? NETLINK_NETFILTER : NETLINK_ROUTE);
	long n = 0;

	if (s < 0)
		return perror("socket"), 1;
	req.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	req.h.nlmsg_seq = 1;
	if (ct) {
		req.h.nlmsg_len = NLMSG_LENGTH(sizeof req.u.n);
		req.h.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
		req.u.n.nfgen_family = AF_UNSPEC;
	} else {
		req.h.nlmsg_len = NLMSG_LENGTH(sizeof req.u.r);
		req.h.nlmsg_type = RTM_GETROUTE;
		req.u.r.rtm_family = AF_INET;
	}
	if (send(s, &req, req.h.nlmsg_len, 0) < 0)
		return perror("send"), 1;
	for (;;) {
		int len = recv(s, buf, sizeof buf, 0);
		struct nlmsghdr *h = (struct nlmsghdr *)buf;

		if (len < 0)
			return perror("recv"), 1;
		for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return printf("%ld\n", n), 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return fprintf(stderr, "refused\n"), 1;
			n++;
		}
	}
}
