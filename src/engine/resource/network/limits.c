/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.c - rx_rate_limiter_max_rate and tx_rate_limiter_max_rate of an endpoint
 *
 * Only what leaves through a link can be limited without losing it. Of a tap that is what the
 * guest receives, of the link behind it what the guest sends; of a macvtap, whose frames never
 * leave through itself towards the guest, it is what the guest sends. The other direction of
 * what has only one link goes through an ifb on its way in.
 */
#include "engine/config/config.h"
#include "engine/resource/network/endpoint_priv.h"
#include "lib/net/tc.h"

struct rates {
	uint64_t rx, tx; /* bit/s as the guest sees it; 0: none */
};

static struct rates rates_of(const struct endpoint_context *ctx)
{
	return (struct rates){ .rx = ctx->config->hypervisor.rx_rate_limiter_max_rate,
			       .tx = ctx->config->hypervisor.tx_rate_limiter_max_rate };
}

/* What comes in on link. */
static int limit_ingress(const struct endpoint_context *ctx, struct endpoint *ep, int link,
			 uint64_t rate, struct err *err)
{
	char name[IF_NAMESIZE];
	int ifb;

	if (rate == 0)
		return 0;
	endpoint_ifb_name(ep->plan.link, name);
	ifb = tc_make_ifb(ctx->net, name, err);
	if (ifb < 0 || tc_limit_egress(ctx->net, ifb, rate, err) < 0 ||
	    tc_ingress_add(ctx->net, link, err) < 0)
		return -1;
	return tc_redirect(ctx->net, link, ifb, err);
}

static int cannot(const struct endpoint *ep, const char *key, struct err *err)
{
	return err_set(err, ERR_UNIMPLEMENTED,
		       "%s: the host cannot limit a network interface of kind '%s'", key,
		       endpoint_kind_name(ep->plan.kind));
}

static int limit_direct(const struct endpoint_context *ctx, struct endpoint *ep, struct rates rates,
			struct err *err)
{
	int link = ep->plan.link;

	if (ep->plan.kind == ENDPOINT_TAP) {
		if (tc_limit_egress(ctx->net, link, rates.rx, err) < 0)
			return -1;
		return limit_ingress(ctx, ep, link, rates.tx, err);
	}
	if (rates.rx > 0)
		return cannot(ep, "rx_rate_limiter_max_rate", err);
	if (ep->plan.kind == ENDPOINT_MACVTAP)
		return tc_limit_egress(ctx->net, link, rates.tx, err);
	return rates.tx > 0 ? cannot(ep, "tx_rate_limiter_max_rate", err) : 0;
}

int endpoint_limit(const struct endpoint_context *ctx, struct endpoint *ep, struct err *err)
{
	struct rates rates = rates_of(ctx);

	switch (ep->model) {
	case ENDPOINT_TCFILTER:
		if (tc_limit_egress(ctx->net, ep->tap.index, rates.rx, err) < 0)
			return -1;
		return tc_limit_egress(ctx->net, ep->plan.link, rates.tx, err);
	case ENDPOINT_ON_MACVTAP:
		if (tc_limit_egress(ctx->net, ep->tap.index, rates.tx, err) < 0)
			return -1;
		return limit_ingress(ctx, ep, ep->plan.link, rates.rx, err);
	case ENDPOINT_DIRECT:
		break;
	}
	return limit_direct(ctx, ep, rates, err);
}
