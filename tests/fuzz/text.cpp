// Small forms in ids, URLs and addresses: base64url, escapes, queries, and what people write.
//
// Input      A text.
// Invariants Every form can be read back from what was written; an accepted spelling of base64url
//            or of an address is the only one; a query is the sum of its pairs; a complaint is one
//            line.
#include "base/address_text.h"
#include "base/base64url.h"
#include "fuzz.h"
#include "http/query.h"

namespace ringside::fuzz {
namespace {

void check_base64url(std::string_view input) {
  std::vector<std::uint8_t> bytes(input.begin(), input.end());
  std::string text(base64url_size(bytes.size()), '\0');
  encode_base64url(bytes, text);
  std::vector<std::uint8_t> back(bytes.size());
  check(is_base64url(text) && decode_base64url(text, back) && back == bytes,
        "bytes come back from base64url", {input, text});
  for (std::size_t size = input.size() * 3 / 4; size <= input.size() * 3 / 4 + 1; ++size) {
    std::vector<std::uint8_t> decoded(size);
    if (!decode_base64url(input, decoded)) continue;
    std::string again(input.size(), '\0');
    encode_base64url(decoded, again);
    check(again == input, "base64url has one spelling", {input, again});
  }
}

void check_escapes(std::string_view input) {
  constexpr std::string_view kDigits = "0123456789aBcDeF";
  std::string escaped;
  for (const char c : input) {
    const auto byte = static_cast<unsigned char>(c);
    escaped.append({'%', kDigits[byte >> 4U], kDigits[byte & 15U]});
  }
  for (const http::Plus plus : {http::Plus::plus, http::Plus::space}) {
    std::string storage;
    const auto back = http::percent_decoded(escaped, plus, storage);
    check(back && *back == input, "bytes come back from escapes", {input});
    const auto decoded = http::percent_decoded(input, plus, storage);
    check(!decoded || decoded->size() <= input.size(), "decoding adds nothing", {input});
    check(decoded || input.find('%') != input.npos, "only an escape can be wrong", {input});
  }
}

void check_query(std::string_view input) {
  http::QueryPairs pairs(input);
  std::string sum;
  bool is_first = true;
  while (const auto pair = pairs.next()) {
    sum.append(is_first ? "" : "&").append(pair->name);
    is_first = false;
    const bool has_equals = pair->value.data() != pair->name.data() + pair->name.size();
    if (has_equals) sum.append("=").append(pair->value);
  }
  const std::string_view target = input.substr(0, input.find('#'));
  const std::size_t mark = target.find('?');
  check(sum == (mark == target.npos ? "" : target.substr(mark + 1)),
        "a query is the sum of its pairs", {input, sum});
}

bool is_one_line(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == 0x7f;
  });
}

void check_complaint(const Complaint& complaint, std::string_view input) {
  check(is_one_line(complaint.problem) && is_one_line(complaint.remedy), "a complaint is one line",
        {input, complaint.problem, complaint.remedy});
}

void check_addresses(std::string_view input) {
  if (const auto address = listen_address(input)) {
    const auto again = listen_address(address->text());
    check(again && *again == *address, "where to listen has one form", {input, address->text()});
  } else {
    check_complaint(address.error(), input);
  }
  if (const auto place = upstream_address(input)) {
    const auto again = upstream_address(*place);
    check(again && *again == *place, "an endpoint's address has one form", {input, *place});
    const auto parts = split_host_port(*place);
    check(parts && !parts->host.empty() && parts->port != 0, "it has host and port", {*place});
  } else {
    check_complaint(place.error(), input);
  }
}

}  // namespace
}  // namespace ringside::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringside::fuzz;
  const std::string_view input = as_text(data, size);
  check_base64url(input);
  check_escapes(input);
  check_query(input);
  check_addresses(input);
  return 0;
}
