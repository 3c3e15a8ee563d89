#include "base/address.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace ringside {
namespace {

std::string parsed(std::string_view text) {
  const auto address = Address::parse(text);
  return address ? address->text() : "none";
}

std::string parsed_host(std::string_view text) {
  const auto address = Address::parse_host(text);
  return address ? address->host_text() : "none";
}

TEST_CASE("address: host and port are read in both families") {
  CHECK(parsed("10.0.0.1:80") == "10.0.0.1:80");
  CHECK(parsed("0.0.0.0:0") == "0.0.0.0:0");
  CHECK(parsed("255.255.255.255:65535") == "255.255.255.255:65535");
  CHECK(parsed("[::1]:80") == "[::1]:80");
  CHECK(parsed("[2001:DB8:0:0:0:0:0:1]:8080") == "[2001:db8::1]:8080");
}

TEST_CASE("address: what lacks a port, or is no address, is none") {
  for (const std::string_view text : {"",
                                      ":",
                                      "10.0.0.1",
                                      "10.0.0.1:",
                                      ":80",
                                      "10.0.0.1:65536",
                                      "10.0.0.1:-1",
                                      "10.0.0.1:+80",
                                      "10.0.0.1: 80",
                                      "10.0.0.1:80 ",
                                      "10.0.0.1:8o",
                                      "10.0.0.256:80",
                                      "10.0.0:80",
                                      "::1:80",
                                      "[::1]",
                                      "[::1:80",
                                      "::1]:80",
                                      "[10.0.0.1:80",
                                      "localhost:80",
                                      "[]:80",
                                      "[::g]:80"}) {
    INFO(text);
    CHECK(parsed(text) == "none");
  }
}

TEST_CASE("address: a host is read bare, in brackets, or with a port") {
  CHECK(parsed_host("10.0.0.1") == "10.0.0.1");
  CHECK(parsed_host("10.0.0.1:80") == "10.0.0.1");
  CHECK(parsed_host("::1") == "::1");
  CHECK(parsed_host("[::1]") == "::1");
  CHECK(parsed_host("[::1]:80") == "::1");
  CHECK(Address::parse_host("10.0.0.1:80")->port() == 0);
  for (const std::string_view text :
       {"", "[]", "unknown", "_x", "[::1", "1.2.3.4.5", "fe80::1%lo"}) {
    INFO(text);
    CHECK(parsed_host(text) == "none");
  }
}

TEST_CASE("address: an embedded zero byte does not hide what follows it") {
  using namespace std::string_view_literals;
  CHECK(parsed("10.0.0.1\0:80"sv) == "none");
  CHECK(parsed_host("10.0.0.1\0x"sv) == "none");
}

TEST_CASE("address: an IPv4-mapped address is the IPv4 address, from text and from a socket") {
  CHECK(parsed("[::ffff:10.0.0.1]:80") == "10.0.0.1:80");
  CHECK(*Address::parse("[::ffff:10.0.0.1]:80") == *Address::parse("10.0.0.1:80"));
  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = htons(80);
  mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
  mapped.sin6_addr.s6_addr[12] = 10;
  mapped.sin6_addr.s6_addr[15] = 1;
  CHECK(Address(reinterpret_cast<const sockaddr*>(&mapped)).text() == "10.0.0.1:80");
  CHECK(parsed("[::10.0.0.1]:80") != "10.0.0.1:80");  // compatible, not mapped
}

TEST_CASE("address: a socket address survives the way there and back") {
  for (const std::string_view text : {"10.1.2.3:4567", "[2001:db8::1]:4567"}) {
    const Address address = Address::parse(text).value();
    const sockaddr_storage storage = address.to_sockaddr();
    CHECK(Address(reinterpret_cast<const sockaddr*>(&storage)) == address);
  }
  sockaddr unknown{};
  unknown.sa_family = AF_UNIX;
  CHECK(Address(&unknown).empty());
}

TEST_CASE("address: two differ by host, by port and by family") {
  CHECK_FALSE(*Address::parse("10.0.0.1:80") == *Address::parse("10.0.0.2:80"));
  CHECK_FALSE(*Address::parse("10.0.0.1:80") == *Address::parse("10.0.0.1:81"));
  CHECK_FALSE(*Address::parse("0.0.0.0:80") == *Address::parse("[::]:80"));
  CHECK(Address::parse("10.0.0.1:80")->with_port(81) == *Address::parse("10.0.0.1:81"));
}

TEST_CASE("address: loopback is 127.0.0.0/8 and ::1, also when mapped") {
  for (const std::string_view host : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"}) {
    CHECK(Address::parse_host(host)->is_loopback());
  }
  for (const std::string_view host :
       {"128.0.0.1", "126.0.0.1", "::", "::2", "1::1", "10.0.0.127"}) {
    CHECK_FALSE(Address::parse_host(host)->is_loopback());
  }
  CHECK_FALSE(Address{}.is_loopback());
}

TEST_CASE("address: an empty one says so and has no bytes") {
  const Address none;
  CHECK(none.empty());
  CHECK(none.host_bytes().empty());
  CHECK(none.text() == "-");
  CHECK(none.host_text() == "-");
}

bool within(std::string_view range, std::string_view host) {
  return Cidr::parse(range).value().contains(Address::parse_host(host).value());
}

TEST_CASE("cidr: the edges of a range are in it, their neighbours are not") {
  CHECK(within("10.0.0.0/8", "10.0.0.0"));
  CHECK(within("10.0.0.0/8", "10.255.255.255"));
  CHECK_FALSE(within("10.0.0.0/8", "9.255.255.255"));
  CHECK_FALSE(within("10.0.0.0/8", "11.0.0.0"));
  CHECK(within("192.168.4.0/22", "192.168.7.255"));
  CHECK_FALSE(within("192.168.4.0/22", "192.168.8.0"));
  CHECK_FALSE(within("192.168.4.0/22", "192.168.3.255"));
  CHECK(within("fd00::/7", "fc00::"));
  CHECK(within("2001:db8::/33", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"));
  CHECK_FALSE(within("2001:db8::/33", "2001:db8:8000::"));
}

TEST_CASE("cidr: /0 holds its whole family and none of the other") {
  CHECK(within("0.0.0.0/0", "255.255.255.255"));
  CHECK_FALSE(within("0.0.0.0/0", "::1"));
  CHECK(within("::/0", "ffff::"));
  CHECK_FALSE(within("::/0", "10.0.0.1"));
}

TEST_CASE("cidr: a full prefix, or none, is one address") {
  for (const std::string_view range : {"10.0.0.1/32", "10.0.0.1"}) {
    CHECK(within(range, "10.0.0.1"));
    CHECK_FALSE(within(range, "10.0.0.0"));
  }
  CHECK(within("::1/128", "::1"));
  CHECK_FALSE(within("::1", "::"));
}

TEST_CASE("cidr: bits beyond the prefix are masked off") {
  CHECK(within("10.1.2.3/8", "10.9.9.9"));
  CHECK(within("10.0.0.129/25", "10.0.0.255"));
}

TEST_CASE("cidr: mapped clients are matched as IPv4") {
  CHECK(within("10.0.0.0/8", "::ffff:10.1.2.3"));
}

TEST_CASE("cidr: a range written for mapped addresses means the IPv4 range or is refused") {
  // The prefix counts bits of 128 there, of 32 here: it must not silently become something else.
  const auto range = Cidr::parse("::ffff:10.0.0.0/104");
  if (range) CHECK_FALSE(range->contains(Address::parse_host("11.0.0.1").value()));
}

TEST_CASE("cidr: what is no range is refused") {
  for (const std::string_view text : {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
                                      "10.0.0.0/8x", "10.0.0.0/8/8", "::/129", "ten/8", "10/8"}) {
    INFO(text);
    CHECK_FALSE(Cidr::parse(text));
  }
}

TEST_CASE("cidr: an empty address is in no range") {
  CHECK_FALSE(Cidr::parse("0.0.0.0/0")->contains(Address{}));
  CHECK_FALSE(Cidr::parse("::/0")->contains(Address{}));
}

TEST_CASE("split_host_port: names and addresses, with their last colon") {
  const auto split = [](std::string_view text) {
    const auto parts = split_host_port(text);
    return parts ? parts->host + " " + std::to_string(parts->port) : "none";
  };
  CHECK(split("a.example:80") == "a.example 80");
  CHECK(split("10.0.0.1:0") == "10.0.0.1 0");
  CHECK(split("[::1]:8080") == "::1 8080");
  for (const std::string_view text :
       {"a", "a:", ":80", "a:b", "a:70000", "::1:80", "[]:80", "a:b:80", "a:8 0"}) {
    INFO(text);
    CHECK(split(text) == "none");
  }
}

}  // namespace
}  // namespace ringside
