// Numbers in names are the cases of the session rules that a test covers.
#include "session/client_identity.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "heads.h"

namespace ringside::session {
namespace {

// The client's address as text, for a peer and trusted ranges given as text.
std::string client_of(std::string_view peer, std::initializer_list<std::string_view> trusted,
                      const Fields& fields) {
  std::vector<Cidr> ranges;
  for (const std::string_view range : trusted) ranges.push_back(Cidr::parse(range).value());
  return client_address(Address::parse_host(peer).value(), fields.request(http::Method::post),
                        ranges)
      .host_text();
}

TEST_CASE("client_address: nobody is believed by default (77)") {
  CHECK(client_of("10.0.0.1", {}, {{"X-Forwarded-For", "1.2.3.4"}}) == "10.0.0.1");
  CHECK(client_of("10.0.0.1", {}, {{"Forwarded", "for=1.2.3.4"}}) == "10.0.0.1");
  CHECK(client_of("9.0.0.1", {"10.0.0.0/8"}, {{"X-Forwarded-For", "1.2.3.4"}}) == "9.0.0.1");
}

TEST_CASE(
    "client_address: a trusted peer's rightmost entry counts, what stands left of it is hearsay") {
  CHECK(client_of("10.0.0.1", {"10.0.0.0/8"}, {{"X-Forwarded-For", "1.2.3.4"}}) == "1.2.3.4");
  CHECK(client_of("10.0.0.1", {"10.0.0.0/8"}, {{"X-Forwarded-For", "6.6.6.6, 1.2.3.4"}}) ==
        "1.2.3.4");
}

TEST_CASE("client_address: trusted proxies in the list are passed over, also all of them") {
  CHECK(client_of("10.0.0.1", {"10.0.0.0/8"},
                  {{"X-Forwarded-For", "6.6.6.6, 1.2.3.4, 10.0.0.3 ,10.0.0.2"}}) == "1.2.3.4");
  CHECK(client_of("10.0.0.1", {"10.0.0.0/8"}, {{"X-Forwarded-For", "10.0.0.9, 10.0.0.2"}}) ==
        "10.0.0.9");
}

TEST_CASE("client_address: several fields are one list, the last field its right end") {
  CHECK(client_of("10.0.0.1", {"10.0.0.0/8"},
                  {{"X-Forwarded-For", "6.6.6.6, 1.2.3.4"},
                   {"accept", "*/*"},
                   {"x-forwarded-for", "10.0.0.3"},
                   {"X-FORWARDED-FOR", "10.0.0.2"}}) == "1.2.3.4");
}

TEST_CASE("client_address: empty members and blanks in a list are nothing") {
  CHECK(client_of("10.0.0.1", {"10.0.0.0/8"}, {{"X-Forwarded-For", ",\t1.2.3.4 ,, "}}) ==
        "1.2.3.4");
  CHECK(client_of("10.0.0.1", {"10.0.0.0/8"}, {{"X-Forwarded-For", ""}}) == "10.0.0.1");
}

TEST_CASE("client_address: an entry that is no address ends the search at the last good one") {
  for (const std::string_view junk : {"unknown", "_hidden", "1.2.3", "1.2.3.4:x", "\"", "::g"}) {
    INFO(junk);
    const std::string list = "1.2.3.4, " + std::string(junk) + ", 10.0.0.2";
    CHECK(client_of("10.0.0.1", {"10.0.0.0/8"}, {{"X-Forwarded-For", list}}) == "10.0.0.2");
  }
  CHECK(client_of("10.0.0.1", {"10.0.0.0/8"}, {{"X-Forwarded-For", "1.2.3.4, unknown"}}) ==
        "10.0.0.1");
}

TEST_CASE("client_address: ports and brackets are taken off, mapped IPv6 is IPv4 (78)") {
  for (const std::string_view entry :
       {"1.2.3.4", "1.2.3.4:4711", "::ffff:1.2.3.4", "[::ffff:1.2.3.4]:80", "[::ffff:102:304]"}) {
    INFO(entry);
    CHECK(client_of("10.0.0.1", {"10.0.0.0/8"}, {{"X-Forwarded-For", entry}}) == "1.2.3.4");
  }
  for (const std::string_view entry : {"2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711"}) {
    INFO(entry);
    CHECK(client_of("10.0.0.1", {"10.0.0.0/8"}, {{"X-Forwarded-For", entry}}) == "2001:db8::1");
  }
}

TEST_CASE("client_address: Forwarded is read where there is no X-Forwarded-For") {
  const auto client = [](std::string_view forwarded) {
    return client_of("10.0.0.1", {"10.0.0.0/8"}, {{"Forwarded", forwarded}});
  };
  CHECK(client("for=1.2.3.4") == "1.2.3.4");
  CHECK(client("For=\"1.2.3.4:4711\"") == "1.2.3.4");
  CHECK(client("for=\"[2001:db8::1]:4711\"") == "2001:db8::1");
  CHECK(client("by=10.0.0.9; FOR = \"[2001:db8::1]\" ;proto=https;host=a") == "2001:db8::1");
  CHECK(client("for=6.6.6.6, for=1.2.3.4;proto=http, for=10.0.0.2") == "1.2.3.4");
  CHECK(client("for=1.2.3.4;host=\"a,b;c\", for=10.0.0.2") == "1.2.3.4");
  CHECK(client("for=1.2.3.4;host=\"a\\\",for=6.6.6.6\", for=10.0.0.2") == "1.2.3.4");
  CHECK(client_of("10.0.0.1", {"10.0.0.0/8"},
                  {{"Forwarded", "for=6.6.6.6"}, {"X-Forwarded-For", "1.2.3.4"}}) == "1.2.3.4");
}

TEST_CASE("client_address: obfuscated, unknown and absent nodes of Forwarded end the search") {
  for (const std::string_view node : {"for=unknown", "for=_hidden", "for=\"_hidden:80\"",
                                      "proto=https", "for", "for=\"1.2.3.4"}) {
    INFO(node);
    const std::string list = "for=6.6.6.6, " + std::string(node) + ", for=10.0.0.2";
    CHECK(client_of("10.0.0.1", {"10.0.0.0/8"}, {{"Forwarded", list}}) == "10.0.0.2");
  }
}

TEST_CASE("client_address: a quote that a client left open hides nothing a proxy appended") {
  CHECK(client_of("10.0.0.1", {"10.0.0.0/8"},
                  {{"Forwarded", "for=\"6.6.6.6, for=1.2.3.4, for=10.0.0.2"}}) == "1.2.3.4");
}

TEST_CASE("ring_key: plain and mapped IPv4 of one client are one key (78)") {
  const auto plain = Address::parse_host("1.2.3.4").value();
  const auto mapped = Address::parse_host("::ffff:1.2.3.4").value();
  const auto with_port = Address::parse("1.2.3.4:99").value();
  CHECK(ring_key(plain, "h") == std::string_view("\1\2\3\4"));
  CHECK(ring_key(mapped, "h") == ring_key(plain, "h"));
  CHECK(ring_key(with_port, "h") == ring_key(plain, "h"));
  CHECK(ring_key(Address::parse_host("2001:db8::1").value(), "h").size() == 16);
}

TEST_CASE("ring_key: a loopback client is known by the host that the proxy runs in") {
  for (const std::string_view loopback : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    CHECK(ring_key(Address::parse_host(loopback).value(), "pod-7") == "pod-7");
  }
  CHECK(ring_key(Address{}, "pod-7") == "pod-7");
}

}  // namespace
}  // namespace ringside::session
