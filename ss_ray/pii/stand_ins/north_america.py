"""Facts of North America: postcodes and area codes of the states of the United States and the provinces of Canada."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

# Postal code, name, and the range of the first three digits of its postcodes (USPS, publication 65).
_STATES = """AL Alabama 350-369|AK Alaska 995-999|AZ Arizona 850-865|AR Arkansas 716-729|CA California 900-961
CO Colorado 800-816|CT Connecticut 060-069|DE Delaware 197-199|DC District of Columbia 200-205|FL Florida 320-349
GA Georgia 300-319|HI Hawaii 967-968|ID Idaho 832-838|IL Illinois 600-629|IN Indiana 460-479|IA Iowa 500-528
KS Kansas 660-679|KY Kentucky 400-427|LA Louisiana 700-714|ME Maine 039-049|MD Maryland 206-219
MA Massachusetts 010-027|MI Michigan 480-499|MN Minnesota 550-567|MS Mississippi 386-397|MO Missouri 630-658
MT Montana 590-599|NE Nebraska 680-693|NV Nevada 889-898|NH New Hampshire 030-038|NJ New Jersey 070-089
NM New Mexico 870-884|NY New York 100-149|NC North Carolina 270-289|ND North Dakota 580-588|OH Ohio 430-459
OK Oklahoma 730-749|OR Oregon 970-979|PA Pennsylvania 150-196|RI Rhode Island 028-029|SC South Carolina 290-299
SD South Dakota 570-577|TN Tennessee 370-385|TX Texas 750-799|UT Utah 840-847|VT Vermont 050-059
VA Virginia 220-246|WA Washington 980-994|WV West Virginia 247-268|WI Wisconsin 530-549|WY Wyoming 820-831"""
# Area codes of each state and province (North American Numbering Plan), without those of services.
_AREA_CODES = """AK 907|AL 205 251 256 334 659 938|AR 327 479 501 870|AZ 480 520 602 623 928|
CA 209 213 279 310 323 341 350 369 408 415 424 442 510 530 559 562 619 626 628 650 657 661 669 707 714 738 747 760
805 818 820 831 840 858 909 916 925 949 951|CO 303 719 720 748 970 983|CT 203 475 860 959|DC 202 771|DE 302|
FL 239 305 321 324 352 386 407 448 561 645 656 689 727 728 754 772 786 813 850 863 904 941 954|
GA 229 404 470 478 678 706 762 770 912 943|HI 808|IA 319 515 563 641 712|ID 208 986|
IL 217 224 309 312 331 447 464 618 630 708 730 773 779 815 847 872|IN 219 260 317 463 574 765 812 930|
KS 316 620 785 913|KY 270 364 502 606 859|LA 225 318 337 504 985|MA 339 351 413 508 617 774 781 857 978|
MD 227 240 301 410 443 667|ME 207|MI 231 248 269 313 517 586 616 734 810 906 947 989|MN 218 320 507 612 651 763 952|
MO 235 314 417 557 573 636 660 816 975|MS 228 601 662 769|MT 406|NC 252 336 472 704 743 828 910 919 980 984|ND 701|
NE 308 402 531|NH 603|NJ 201 551 609 640 732 848 856 862 908 973|NM 505 575|NV 702 725 775|
NY 212 315 329 332 347 363 516 518 585 607 631 646 680 716 718 838 845 914 917 929 934|
OH 216 220 234 283 326 330 380 419 440 513 567 614 740 937|OK 405 539 572 580 918|OR 458 503 541 971|
PA 215 223 267 272 412 445 484 570 582 610 717 724 814 835 878|RI 401|SC 803 821 839 843 854 864|SD 605|
TN 423 615 629 731 865 901 931|
TX 210 214 254 281 325 346 361 409 430 432 469 512 682 713 726 737 806 817 830 832 903 915 936 940 945 956 972 979|
UT 385 435 801|VA 276 434 540 571 686 703 757 804 826 948|VT 802|WA 206 253 360 425 509 564|
WI 262 274 353 414 534 608 715 920|WV 304 681|WY 307|AB 368 403 587 780 825|BC 236 250 257 604 672 778|
MB 204 431 584|NB 428 506|NL 709 879|NS 782 902|NT 867|NU 867|
ON 226 249 289 343 365 382 416 437 519 548 613 647 683 705 742 753 807 905 942|PE 782 902|
QC 263 273 354 367 418 438 450 468 514 579 581 819 873|SK 306 474 639|YT 867"""
_POSTCODE_STARTS = {
    "CA": "AB T|BC V|MB R|NB E|NL A|NS B|NT X|NU X|ON K|PE C|QC J|SK S|YT Y",
    "AU": "ACT 2|NSW 2|NT 0|QLD 4|SA 5|TAS 7|VIC 3|WA 6",
}
POSTCODE_STARTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {country: dict(row.split() for row in rows.split("|")) for country, rows in _POSTCODE_STARTS.items()}
)
"""First character of the postcodes of a state, by country and letters of the state."""
NUMBERED = frozenset({"US", "CA"})
"""Countries whose phone numbers begin with an area code of three digits, that of a state."""


@dataclass(frozen=True)
class UsState:
    """A state of the United States: postal code, name, first and last prefix of three digits of its postcodes."""

    code: str
    name: str
    first: int
    last: int


@lru_cache(maxsize=1)
def us_states() -> tuple[UsState, ...]:
    """The states of the United States and its capital, by code."""
    rows = [row.strip() for row in _STATES.replace("\n", "|").split("|")]
    parts = [(row[:2], *row[3:].rsplit(" ", 1)) for row in rows]
    states = [UsState(code, name, *(int(number) for number in span.split("-"))) for code, name, span in parts]
    return tuple(sorted(states, key=lambda state: state.code))


@lru_cache(maxsize=1)
def states_by_word() -> dict[str, UsState]:
    """States by their folded names and codes."""
    return {word.casefold(): state for state in us_states() for word in (state.code, state.name)}


def state_of_zip(prefix: int) -> UsState | None:
    """The state of the first three digits of a postcode."""
    return next((state for state in us_states() if state.first <= prefix <= state.last), None)


@lru_cache(maxsize=1)
def area_codes() -> Mapping[str, tuple[str, ...]]:
    """Area codes by the letters of the state or province."""
    rows = (row.split() for row in _AREA_CODES.split("|"))
    return {code: tuple(numbers) for code, *numbers in rows}


@lru_cache(maxsize=1)
def states_by_area_code() -> Mapping[str, str]:
    """Letters of the state or province by area code."""
    return {number: code for code, numbers in reversed(list(area_codes().items())) for number in numbers}
