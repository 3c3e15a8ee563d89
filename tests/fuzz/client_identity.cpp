// X-Forwarded-For and Forwarded: who the client is.
//
// Input      Header fields, a line each, as a client sends them through a trusted proxy.
// Invariants A peer that is not trusted is the client, whatever it says. What a trusted proxy
//            appended is the client, whatever the client wrote before. One list is as good as
//            several fields. What comes out is an address with one written form.
#include "session/client_identity.h"

#include <ranges>
#include <span>

#include "fuzz.h"

namespace ringside::fuzz {
namespace {

const Address kPeer = *Address::parse("10.0.0.1:4711");
const Address kStranger = *Address::parse("198.51.100.4:4711");
const std::vector<Cidr> kTrusted{*Cidr::parse("10.0.0.0/8"), *Cidr::parse("fd00::/8")};
constexpr std::string_view kSeen = "203.0.113.9";

Address client_of(const Address& peer, std::span<const http::Field> fields) {
  http::RequestHead head;
  head.fields = fields;
  return session::client_address(peer, head, kTrusted);
}

bool has(std::span<const http::Field> fields, http::FieldId id) {
  return std::ranges::any_of(fields, [id](const http::Field& field) { return field.id == id; });
}

// As a proxy before this one does: a field of its own, or at the end of the last one.
void check_appended(std::vector<http::Field> fields, http::FieldId id, std::string_view name,
                    const std::string& entry) {
  const std::string shown(fields.empty() ? "" : fields.back().value);
  fields.push_back({name, entry, id});
  check(client_of(kPeer, fields).host_text() == kSeen, "an appended field is believed", {shown});
  fields.pop_back();
  for (http::Field& field : fields | std::views::reverse) {
    if (field.id != id) continue;
    const std::string longer = std::string(field.value) + ", " + entry;
    field.value = longer;
    check(client_of(kPeer, fields).host_text() == kSeen, "an appended entry is believed", {longer});
    break;
  }
}

void check_joined(const std::vector<http::Field>& fields, http::FieldId id) {
  if (!has(fields, id)) return;
  std::string list;
  std::vector<http::Field> joined;
  for (const http::Field& field : fields) {
    if (field.id != id) {
      joined.push_back(field);
    } else {
      if (field.value.find('"') != field.value.npos) return;  // a quote may swallow a comma
      list.append(list.empty() ? "" : ",").append(field.value);
    }
  }
  joined.push_back({"joined", list, id});
  check(client_of(kPeer, fields) == client_of(kPeer, joined), "one list is as good as several",
        {list});
}

void check_text(const Address& address) {
  check(Address::parse_host(address.host_text()) == address.with_port(0), "one written form",
        {address.host_text()});
  check(Address::parse(address.text()) == address, "one written form with a port",
        {address.text()});
  check(Address::from_host_bytes(address.host_bytes()) == address.with_port(0), "one form as bytes",
        {address.text()});
  const auto alone = Cidr::parse(address.host_text());
  check(alone && alone->contains(address), "a range of one has it", {address.text()});
  check(!session::ring_key(address, "host").empty(), "a client has a place on the ring");
}

}  // namespace
}  // namespace ringside::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringside::fuzz;
  using ringside::http::FieldId;
  const std::string_view input = as_text(data, size);
  const std::vector<ringside::http::Field> fields = fields_of(input);
  const ringside::Address client = client_of(kPeer, fields);
  check(client_of(kStranger, fields) == kStranger, "a stranger is what its connection says");
  check_text(client);
  check_appended(fields, FieldId::x_forwarded_for, "X-Forwarded-For", std::string(kSeen));
  check_joined(fields, FieldId::x_forwarded_for);
  if (!has(fields, FieldId::x_forwarded_for)) {
    check_appended(fields, FieldId::forwarded, "Forwarded", "for=" + std::string(kSeen));
    check_joined(fields, FieldId::forwarded);
  }
  for (const ringside::http::Field& field : fields) {
    if (const auto address = ringside::Address::parse_host(field.value)) check_text(*address);
  }
  return 0;
}
