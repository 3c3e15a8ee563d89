// A name is a lookalike when it means something once each '_' is a '-'.
#include "relay/lookalikes.h"

#include <algorithm>

namespace ringside::relay {
namespace {

constexpr std::size_t kNameMax = 64;  // no name that matters is longer

Failure lookalike_of(const http::Field& field, const Pool& pool) {
  if (field.id != http::FieldId::other || field.name.size() > kNameMax) return Failure::none;
  if (field.name.find('_') == std::string_view::npos) return Failure::none;
  std::string name(field.name);
  std::replace(name.begin(), name.end(), '_', '-');
  for (const std::string& routed_by : pool.routing_fields()) {
    // the field may have a '_' in its own name
    std::string plain = routed_by;
    std::replace(plain.begin(), plain.end(), '_', '-');
    const bool is_itself = http::equals_ignoring_case(field.name, routed_by);
    if (is_itself) return Failure::none;
    if (!http::equals_ignoring_case(name, plain)) continue;
    const bool is_session = routed_by == pool.options().affinity.header;
    return is_session ? Failure::lookalike_session_id : Failure::lookalike_field;
  }
  const http::FieldId id = http::field_id(name);
  // the session's field is what the pool calls so
  const bool is_known = id != http::FieldId::other && id != http::FieldId::mcp_session_id;
  return is_known ? Failure::lookalike_field : Failure::none;
}

}  // namespace

Failure lookalike_in(const http::RequestHead& head, const Pool& pool) {
  Failure found = Failure::none;
  for (const http::Field& field : head.fields) {
    const Failure failure = lookalike_of(field, pool);
    if (failure == Failure::lookalike_session_id) return failure;
    if (failure != Failure::none) found = failure;
  }
  return found;
}

std::span<const http::Field> without_lookalikes(const http::RequestHead& head, const Pool& pool,
                                                std::vector<http::Field>& storage) {
  storage.clear();
  std::ranges::copy_if(head.fields, std::back_inserter(storage), [&](const http::Field& field) {
    return lookalike_of(field, pool) == Failure::none;
  });
  return storage;
}

}  // namespace ringside::relay
