// Laying the points and finding the first.
#include "upstream/hash_ring.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "base/hash.h"

namespace ringside::upstream {

HashRing::HashRing(std::span<const Member> members, const RingOptions& options)
    : members_(members.size()), seed_(options.seed) {
  std::size_t total = 0;
  for (const Member& member : members) total += std::size_t{member.weight} * options.points;
  points_.reserve(total);
  std::string name;
  for (std::uint32_t member = 0; member < members.size(); ++member) {
    const std::size_t count = std::size_t{members[member].weight} * options.points;
    if (count > 0) ++members_with_points_;
    name.assign(members[member].name).push_back('#');
    const std::size_t stem = name.size();
    for (std::size_t i = 0; i < count; ++i) {
      name.resize(stem);
      name += std::to_string(i);
      points_.push_back({hash64(name, seed_), member});
    }
  }
  std::ranges::sort(points_, [&](const Point& a, const Point& b) {
    return std::tie(a.hash, members[a.member].name) < std::tie(b.hash, members[b.member].name);
  });
}

std::uint64_t HashRing::hash_of(std::string_view key) const { return hash64(key, seed_); }

std::size_t HashRing::first_at(std::uint64_t hash) const {
  const auto point = std::ranges::lower_bound(points_, hash, {}, &Point::hash);
  return point == points_.end() ? 0 : static_cast<std::size_t>(point - points_.begin());
}

}  // namespace ringside::upstream
