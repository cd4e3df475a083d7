"""Real places for stand-ins: a state of a country for each state, a town of that state for each town.

States of a country are permuted among those with about as many towns, so that the towns of a large state find enough
stand-ins. A town of the list goes to its own place in the list of the stand-in state; other towns are drawn from it. So
state, town, postcode, area code and coordinates of one place stay one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ss_ray.pii.stand_ins.gazetteer import Country, Region, Town, countries
from ss_ray.pii.stand_ins.keyed import Stream, cycle, permuted_number
from ss_ray.pii.stand_ins.lexicon import fold_name
from ss_ray.pii.stand_ins.north_america import NUMBERED, POSTCODE_STARTS, area_codes, states_by_word

GROUP = 6
"""States that are permuted among each other."""
_DIRECTIONS = "North South East West New Old Upper Lower Great Little Central Mount".split()


@dataclass(frozen=True, kw_only=True)
class Home:
    """The place that a row names, as the original has it.

    Attributes:
        country: Code of the country (ISO 3166); "" where it is not known.
        state: Name or code of the state; "" where it is not known.
        town: Name of the town; "" where it is not known.
        new_country: Code of the country that takes the place of a country that is replaced; "" where it is kept.
        keeps_state: Whether states stay as they are, so that stand-ins of towns lie in the same state.
        moves_coordinates: Whether a town or a state is replaced, so that coordinates have to follow.
    """

    country: str = ""
    state: str = ""
    town: str = ""
    new_country: str = ""
    keeps_state: bool = False
    moves_coordinates: bool = False

    @property
    def elsewhere(self) -> Home:
        """Another place of the same country, of which nothing else is known."""
        return replace(self, state="", town="", moves_coordinates=False)


ANYWHERE = Home()


def draw_zip_prefix(state: Region, stream: Stream) -> str:
    """Three digits that begin the postcodes of a state of the United States."""
    known = states_by_word()[state.code.casefold()]
    return f"{known.first + stream.below(known.last - known.first + 1):03d}"


def postcode_start(state: Region) -> str:
    """First character of the postcodes of a state; "" where it is not known."""
    return POSTCODE_STARTS.get(state.country, {}).get(state.code, "")


def area_codes_of(state: Region) -> tuple[str, ...]:
    """Area codes of the phone numbers of a state; () outside of North America."""
    if state.country not in NUMBERED:
        return ()
    return area_codes().get(state.code, ())


@dataclass(frozen=True)
class Regions:
    """Stand-ins of states and towns under one key.

    Attributes:
        key: Secret key of the stand-ins.
        injective: Whether names are composed where the lists have fewer than there are originals.
    """

    key: bytes = field(repr=False)
    injective: bool = False

    def home_state(self, home: Home) -> Region | None:
        """The original state of a home: by its name, else by its town; None where it is not in the list."""
        country = countries().get(home.country)
        if country is None:
            return None
        if home.state:
            return country.find_state(home.state)
        return country.find_state_of_town(home.town) if home.town else None

    def replace_state(self, home: Home) -> Region | None:
        """The stand-in of the state of a home; None where nothing tells the country or the state."""
        country = countries().get(home.new_country or home.country)
        if country is None or not (home.state or home.town):
            return None

        original = self.home_state(home)
        if original is None or original.country != country.code:
            return self._draw_state(country, home)
        if home.keeps_state:
            return original
        return self._other_state(country, original)

    def replace_town(self, home: Home) -> Town | None:
        """The stand-in of the town of a home, or of an unnamed town of its state; None where nothing tells a state."""
        state = self.replace_state(home)
        if state is None:
            return None

        folded = fold_name(home.town)
        original = self.home_state(home)
        rank = original.town_ranks.get(folded) if original is not None else None
        if original is None or rank is None or original.country != state.country:
            return self._draw_town(state, folded)

        num_towns = len(original.towns)
        room = len(state.towns)
        if num_towns > 1:
            rank = permuted_number(self.key, f"TOWN\0{original.country}\0{original.name}", rank, num_towns)
        # Where there are more towns than stand-ins, neighbours share one.
        town = state.towns[rank * room // num_towns if num_towns > room else rank]
        if fold_name(town.name) == folded or (self.injective and num_towns > room):
            return self._draw_town(state, folded)
        return town

    def _draw_state(self, country: Country, home: Home) -> Region:
        """A state for one that is in no list; with a name of its own where names are composed."""
        stream = Stream(self.key, "state", country.code, home.country, fold_name(home.state or home.town))
        state = stream.choice(country.states)
        if not (self.injective and home.state):
            return state
        return replace(state, names=(self._compose_name(stream, [other.name for other in country.states]),))

    def _draw_town(self, state: Region, folded: str) -> Town:
        stream = Stream(self.key, "town", state.country, state.name, folded)
        towns = [town for town in state.towns if fold_name(town.name) != folded]
        town = stream.choice(towns or state.towns)
        if towns and not self.injective:
            return town
        return replace(
            town, name=self._compose_name(stream, [town.name for _, town in countries()[state.country].places])
        )

    @staticmethod
    def _compose_name(stream: Stream, names: Sequence[str]) -> str:
        """A name that is in no list: there are as many as pairs of names, times the directions."""
        return f"{stream.choice(_DIRECTIONS)} {stream.choice(names)}-{stream.choice(names)}"

    def _other_state(self, country: Country, state: Region) -> Region:
        """Another state of the country with about as many towns; the state itself where it is the only one."""
        ordered = country.states_by_size
        place = country.size_ranks[state]
        # The last group takes the rest, so that no state is alone.
        first = min(place // GROUP, max(0, len(ordered) // GROUP - 1)) * GROUP
        is_last = first // GROUP >= len(ordered) // GROUP - 1
        group = ordered[first:] if is_last else ordered[first : first + GROUP]
        if len(group) < 2:
            return state
        return group[cycle(self.key, f"STATE\0{country.code}\0{first}", len(group))[place - first]]
