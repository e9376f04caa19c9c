"""The handshake traces of RFC 8448, sections 3 to 5: secrets, keys and protected records."""

from typing import NamedTuple

from tlsclose.core.event import Side
from tlsclose.wire.protection import Epoch

SUITE = 0x1301
NUMBERS = bytes(range(50))
CLOSE_NOTIFY = b"\x01\x00"


class Sealed(NamedTuple):
    """A record: inner type, what it holds (None: only that it opens is told), body in hex."""

    content_type: int
    plaintext: bytes | None
    body: str


class Direction(NamedTuple):
    """One side in one epoch; `key` and `iv` are empty where the RFC does not print them."""

    sender: Side
    epoch: Epoch
    secret: str
    key: str
    iv: str
    records: tuple[Sealed, ...]


class Trace(NamedTuple):
    section: str
    client_random: str
    server_random: str
    directions: tuple[Direction, ...]


TRACES = (
    Trace(
        "3, simple 1-RTT",
        "cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7",
        "a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e26928",
        (
            Direction(
                Side.CLIENT,
                Epoch.HANDSHAKE,
                "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
                "dbfaa693d1762c5b666af5d950258d01",
                "5bd3c71b836e0b76bb73265f",
                (
                    Sealed(
                        22,
                        None,
                        (
                            "75ec4dc238cce60b298044a71e219c56cc77b0517fe9b93c7a4bfc44d87f38f8"
                            "0338ac98fc46deb384bd1caeacab6867d726c40546"
                        ),
                    ),
                ),
            ),
            Direction(
                Side.SERVER,
                Epoch.HANDSHAKE,
                "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
                "3fce516009c21727d0f2e4e86ee403bc",
                "5d313eb2671276ee13000b30",
                (
                    Sealed(
                        22,
                        None,
                        (
                            "d1ff334a56f5bff6594a07cc87b580233f500f45e489e7f33af35edf7869fcf4"
                            "0aa40aa2b8ea73f848a7ca07612ef9f945cb960b4068905123ea78b111b429ba"
                            "9191cd05d2a389280f526134aadc7fc78c4b729df828b5ecf7b13bd9aefb0e57"
                            "f271585b8ea9bb355c7c79020716cfb9b1183ef3ab20e37d57a6b9d7477609ae"
                            "e6e122a4cf51427325250c7d0e509289444c9b3a648f1d71035d2ed65b0e3cdd"
                            "0cbae8bf2d0b227812cbb360987255cc744110c453baa4fcd610928d809810e4"
                            "b7ed1a8fd991f06aa6248204797e36a6a73b70a2559c09ead686945ba246ab66"
                            "e5edd8044b4c6de3fcf2a89441ac66272fd8fb330ef8190579b3684596c960bd"
                            "596eea520a56a8d650f563aad27409960dca63d3e688611ea5e22f4415cf9538"
                            "d51a200c27034272968a264ed6540c84838d89f72c24461aad6d26f59ecaba9a"
                            "cbbb317b66d902f4f292a36ac1b639c637ce343117b659622245317b49eeda0c"
                            "6258f100d7d961ffb138647e92ea330faeea6dfa31c7a84dc3bd7e1b7a6c7178"
                            "af36879018e3f252107f243d243dc7339d5684c8b0378bf30244da8c87c843f5"
                            "e56eb4c5e8280a2b48052cf93b16499a66db7cca71e4599426f7d461e66f9988"
                            "2bd89fc50800becca62d6c74116dbd2972fda1fa80f85df881edbe5a37668936"
                            "b335583b599186dc5c6918a396fa48a181d6b6fa4f9d62d513afbb992f2b992f"
                            "67f8afe67f76913fa388cb5630c8ca01e0c65d11c66a1e2ac4c85977b7c7a699"
                            "9bbf10dc35ae69f5515614636c0b9b68c19ed2e31c0b3b66763038ebba42f3b3"
                            "8edc0399f3a9f23faa63978c317fc9fa66a73f60f0504de93b5b845e275592c1"
                            "2335ee340bbc4fddd502784016e4b3be7ef04dda49f4b440a30cb5d2af939828"
                            "fd4ae3794e44f94df5a631ede42c1719bfdabf0253fe5175be898e750edc5337"
                            "0d2b"
                        ),
                    ),
                ),
            ),
            Direction(
                Side.CLIENT,
                Epoch.APPLICATION,
                "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
                "17422dda596ed5d9acd890e3c63f5051",
                "5b78923dee08579033e523d9",
                (
                    Sealed(
                        23,
                        NUMBERS,
                        (
                            "a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5"
                            "b46b395bd54a9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb2169"
                            "4915e4"
                        ),
                    ),
                    Sealed(21, CLOSE_NOTIFY, "c9872760655666b74d7ff1153efd6db6d0b0e3"),
                ),
            ),
            Direction(
                Side.SERVER,
                Epoch.APPLICATION,
                "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
                "9f02283b6c9c07efc26bb9f2ac92e356",
                "cf782b88dd83549aadf1e984",
                (
                    Sealed(
                        22,
                        None,
                        (
                            "3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6b5"
                            "80dcf3d11d63c758db289a015940252f55713e061dc13e078891a38efbcf5753"
                            "ad8ef170ad3c7353d16d9da773b9ca7f2b9fa1b6c0d4a3d03f75e09c30ba1e62"
                            "972ac46f75f7b981be63439b2999ce13064615139891d5e4c5b406f16e3fc181"
                            "a77ca475840025db2f0a77f81b5ab05b94c01346755f69232c86519d86cbeeac"
                            "87aac347d143f9605d64f650db4d023e70e952ca49fe5137121c74bc2697687e"
                            "248746d6df353005f3bce18696129c8153556b3b6c6779b37bf15985684f"
                        ),
                    ),
                    Sealed(
                        23,
                        NUMBERS,
                        (
                            "2e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d"
                            "90e6dffc602dcb501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167"
                            "c2955d"
                        ),
                    ),
                    Sealed(21, CLOSE_NOTIFY, "b58fd67166ebf599d24720cfbe7efa7a8864a9"),
                ),
            ),
        ),
    ),
    Trace(
        "4, resumed 0-RTT",
        "1bc3ceb6bbe39cff938355b5a50adb6db21b7a6af649d7b4bc419d7876487d95",
        "3ccfd2dec890222763472ae8136777c9d7358777bb66e91ea5122495f559ea2d",
        (
            Direction(
                Side.CLIENT,
                Epoch.EARLY,
                "3fbbe6a60deb66c30a32795aba0eff7eaa10105586e7be5c09678d63b6caab62",
                "920205a5b7bf2115e6fc5c2942834f54",
                "6d475f0993c8e564610db2b9",
                (
                    Sealed(23, b"ABCDEF", "ab1df420e75c457a7cc5d2844f76d5aee4b4edbf049be0"),
                    Sealed(
                        22, bytes.fromhex("05000000"), "aca6fc944841298df99593725f9bf9754429b12f09"
                    ),
                ),
            ),
            Direction(
                Side.CLIENT,
                Epoch.HANDSHAKE,
                "2faac08f851d35fea3604fcb4de82dc62c9b164a70974d0462e27f1ab278700f",
                "",
                "",
                (
                    Sealed(
                        22,
                        None,
                        (
                            "00f8b467d14cf22a4b3f0b6ae0d8e6cc8d08e0db3515ef5c2bdf1922eafbb700"
                            "09964716d834fb70c3d2a56c5b1f5f6bdba6c333cf"
                        ),
                    ),
                ),
            ),
            Direction(
                Side.SERVER,
                Epoch.HANDSHAKE,
                "fe927ae271312e8bf0275b581c54eef020450dc4ecffaa05a1a35d27518e7803",
                "27c6bdc0a3dcea39a47326d79bc9e4ee",
                "9569ecdd4d0536705e9ef725",
                (
                    Sealed(
                        22,
                        None,
                        (
                            "dc48237b4b879f50d0d4d262ea8b4716eb40ddc1eb957e11126e8a7149c2d012"
                            "d37a7115957e64ce30008b9e0323f2c05a9c1c77b4f37849a695ab255060a33f"
                            "ee770ca95cb8486bfd0843b87024865ca35cc41c4e515c64dcb1369f98635bc7"
                            "a5"
                        ),
                    ),
                ),
            ),
            Direction(
                Side.CLIENT,
                Epoch.APPLICATION,
                "2abbf2b8e381d23dbebe1dd2a7d16a8bf484cb4950d23fb7fb7fa8547062d9a1",
                "",
                "",
                (
                    Sealed(
                        23,
                        NUMBERS,
                        (
                            "b1cebce242aa201be9ae5e1cb2a9aa4b33d4e866af1edb068919237741aa031d"
                            "7a74d491c99b9d4e232b74206bc6fbaa04fe78be44a9b4f54320a17eb76992af"
                            "ac3103"
                        ),
                    ),
                    Sealed(21, CLOSE_NOTIFY, "0facce3246bdfc6369838d6a82ae6de5d422dc"),
                ),
            ),
            Direction(
                Side.SERVER,
                Epoch.APPLICATION,
                "cc21f1bf8feb7dd5fa505bd9c4b468a9984d554a993dc49e6d285598fb672691",
                "e857c690a34c5a9129d833619684f95e",
                "0685d6b561aab9ef1013faf9",
                (
                    Sealed(
                        23,
                        NUMBERS,
                        (
                            "275e9f20acff57bc000657d3867df039cccf79047884cf75771746f740b5a83f"
                            "462a0954c3581393a203a25a7dd14141ef1a37900cdb62ff62dee1ba39ab2590"
                            "cbf194"
                        ),
                    ),
                    Sealed(21, CLOSE_NOTIFY, "5b18af444e8e1eec7158fb62d8f2577d37ba5d"),
                ),
            ),
        ),
    ),
    Trace(
        "5, HelloRetryRequest",
        "b0b1c5a5aa37c5919f2ed1d5c6fff7fcb7849716945a2b8cee9258a346677b6f",
        "bb341d847fd789c47c387172dc0c9bf147fccacb5043d86ca4c598d3ff571b98",
        (
            Direction(
                Side.CLIENT,
                Epoch.HANDSHAKE,
                "158aa7ab8855073582b41d674b4055cabcc534728f659314861b4e08e2011566",
                "2f1f918663d590e7421149a29d94b0b6",
                "414d5485235e1a688793bd74",
                (
                    Sealed(
                        22,
                        None,
                        (
                            "d74f1923c662fd34137c6f502f3dd2b93d951d1b3bc97e42afe23c31abea92fe"
                            "91b474999e85e3b791ce252fe8c3e9f939a4120cb2"
                        ),
                    ),
                ),
            ),
            Direction(
                Side.SERVER,
                Epoch.HANDSHAKE,
                "3403e781e2af7b6508da28574f6e95a1abf162de83a97927c37672a4a0cef8a1",
                "4646bfac1712c426cd78d8a24a8a6f6b",
                "c7d395c08d62f297d13768ea",
                (),
            ),
            Direction(
                Side.CLIENT,
                Epoch.APPLICATION,
                "75ecf4b972525aa0dcd057c9944d4cd5d82671d8843141d7dc2a4ff15a21dc51",
                "a7eb2a0525eb4331d58fcbf9f7ca2e9c",
                "86e8be227c1bd2b3e39cb444",
                (Sealed(21, CLOSE_NOTIFY, "2ea6cdf749196023e2b3a49491695536426047"),),
            ),
            Direction(
                Side.SERVER,
                Epoch.APPLICATION,
                "5c74f87df04225db0f8209c9de6429e49435fdefa7cad61864874d12f31cfc8d",
                "f27a5d97bd25550c4823b0f3e5d29388",
                "0dd631f7b71cbbc797c35fe7",
                (Sealed(21, CLOSE_NOTIFY, "519fc5075cb0884349759ff9ef6f011bb4c6f2"),),
            ),
        ),
    ),
)
