// Whose connections count together.
#include "relay/peer_counts.h"

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <string_view>

namespace ringside::relay {
namespace {

constexpr std::uint64_t kSeed = 0x9e3779b97f4a7c15;

Address peer(std::string_view text) { return Address::parse(text).value(); }

// Whether a connection of the one takes the only place of the other.
bool share(std::string_view one, std::string_view other) {
  PeerCounts counts(kSeed);
  REQUIRE(counts.enter(peer(one), 1));
  return !counts.enter(peer(other), 1);
}

TEST_CASE("peer counts: an IPv6 client is its /64, whatever its port") {
  CHECK(share("[2001:db8:1:2::1]:1000", "[2001:db8:1:2::1]:2000"));
  CHECK(share("[2001:db8:1:2::1]:1000", "[2001:db8:1:2::2]:1000"));
  CHECK(share("[2001:db8:1:2::1]:1000", "[2001:db8:1:2:ffff:ffff:ffff:ffff]:1000"));
  CHECK_FALSE(share("[2001:db8:1:2::1]:1000", "[2001:db8:1:3::1]:1000"));
  CHECK_FALSE(share("[2001:db8:1:2::1]:1000", "[2001:db8:2:2::1]:1000"));
}

TEST_CASE("peer counts: an IPv4 client is its address, mapped to IPv6 or not") {
  CHECK(share("192.0.2.1:1000", "192.0.2.1:2000"));
  CHECK(share("192.0.2.1:1000", "[::ffff:192.0.2.1]:1000"));
  CHECK(share("[::ffff:192.0.2.1]:1000", "192.0.2.1:1000"));
  CHECK_FALSE(share("192.0.2.1:1000", "192.0.2.2:1000"));
  CHECK_FALSE(share("[::ffff:192.0.2.1]:1000", "[::ffff:192.0.2.2]:1000"));
}

TEST_CASE("peer counts: an IPv4 client is none of the IPv6 clients") {
  CHECK_FALSE(share("192.0.2.1:1000", "[c000:201::]:1000"));  // the same first bytes
  CHECK_FALSE(share("127.0.0.1:1000", "[::1]:1000"));
}

TEST_CASE("peer counts: as many as may be, and one more for each that left") {
  PeerCounts counts(kSeed);
  const Address one = peer("[2001:db8::1]:1");
  const Address same_network = peer("[2001:db8::2]:2");
  const Address other = peer("[2001:db8:0:1::1]:1");
  CHECK(counts.enter(one, 2));
  CHECK(counts.enter(same_network, 2));
  CHECK_FALSE(counts.enter(one, 2));
  CHECK_FALSE(counts.enter(same_network, 2));
  CHECK(counts.enter(other, 2));
  counts.leave(same_network);  // who was refused has not to leave
  CHECK(counts.enter(one, 2));
  CHECK_FALSE(counts.enter(one, 2));
  counts.leave(one);
  counts.leave(one);
  CHECK(counts.enter(one, 1));
  CHECK_FALSE(counts.enter(same_network, 1));
}

}  // namespace
}  // namespace ringside::relay
