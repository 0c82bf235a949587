"""Which of the 13 benchmark domains a file belongs to: a table of rules over path and content.

Rules are read from the top; the first whose path matches, or whose content shows enough different signs, decides.
Narrow domains stand before wide ones: a wireless driver of the kernel is wireless. A file has exactly one domain.
"""

import re
from dataclasses import dataclass

SCAN_CHARS = 40_000

DOMAINS: tuple[str, ...] = (
    "infineon_aurix",
    "amd_gpu_registers",
    "linux_kernel",
    "stm32_hal",
    "nxp_imx",
    "arm_cortex_asm",
    "device_tree",
    "wireless_ble_wifi",
    "zephyr_rtos",
    "crypto",
    "register_defines",
    "usb_stack",
    "general",
)

_DEFINE = re.compile(
    r"^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)[ \t]+[^\n]*(?:0[xX][0-9A-Fa-f]|\d|<<|_Pos|_SHIFT)", re.MULTILINE
)
_CODE_LINE = re.compile(r"^[ \t]*(?!//|/?\*|$|\#[ \t]*(?:if|endif|else|elif|include|ifndef|ifdef)).+$", re.MULTILINE)
_MASK_NAME = re.compile(
    r"(?:_MASK|_MSK|_Msk|_SHIFT|_Pos|_POS|_OFFSET|_BIT|_BITS|_ADDR|_REG|_WIDTH|_LSB|_MSB)\b|REG_|_R_|_F_"
)
MIN_DEFINES = 12
MIN_DEFINE_SHARE = 0.6
MIN_MASK_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Rule:
    """path decides alone; content needs min_signs different matches; only: the rule is asked for such paths alone."""

    domain: str
    path: re.Pattern[str] | None = None
    content: re.Pattern[str] | None = None
    min_signs: int = 2
    only: re.Pattern[str] | None = None

    def holds(self, path: str, text: str) -> bool:
        if self.only is not None and not self.only.search(path):
            return False
        if self.path is not None and self.path.search(path):
            return True
        if self.content is None:
            return False
        signs: set[str] = set()
        for match in self.content.finditer(text):
            signs.add(match.group())
            if len(signs) >= self.min_signs:
                return True
        return False


def _path(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_ASSEMBLER = _path(r"\.(?:s|asm|s79|s90)$")
_KCONFIG = _path(r"(?:^|/)(?:Kconfig[\w.\-]*|[\w.\-]*\.kconfig)$")

RULES: tuple[Rule, ...] = (
    Rule("device_tree", _path(r"\.(?:dts|dtsi|dtso|overlay)$"), re.compile(r"^/dts-v1/;", re.MULTILINE), min_signs=1),
    Rule(
        "arm_cortex_asm",
        content=re.compile(
            r"\.syntax\s+unified|\.thumb\w*|\.cpu\s+cortex|\bcortex-m\d|\bReset_Handler\b|\b__Vectors\b"
            r"|\bg_pfnVectors\b"
            r"|\bHardFault_Handler\b|\bPendSV_Handler\b|\bSVC_Handler\b|\bPRESERVE8\b|\bmsr\s+(?:msp|psp"
            r"|basepri|primask)"
            r"|\bmrs\s+r\d|\bcpsi[de]\b|\bldr\s+(?:r\d|sp|lr)\b|\bbx\s+lr\b|\bbl\s+\w+",
            re.IGNORECASE,
        ),
        only=_ASSEMBLER,
    ),
    Rule(
        "amd_gpu_registers",
        _path(r"(?:^|/)(?:amdgpu|asic_reg|amdkfd)/|(?:^|/)drm/(?:amd|radeon)/"),
        re.compile(
            r"^#define\s+(?:mm|reg|ix|smn)[A-Z]\w*_BASE_IDX\b|^#define\s+[A-Z]\w*?__\w+__(?:SHIFT|MASK)\b"
            r"|\bamdgpu_\w+",
            re.MULTILINE,
        ),
        min_signs=4,
    ),
    Rule(
        "infineon_aurix",
        _path(
            r"(?:^|/)(?:aurix|illd)(?:[/_.\-]|$)|(?:^|[/_])tc[23]\d[0-9x]?[a-z]?(?:[/_.]|$)|(?:^|/)Ifx[A-Z]\w*\.[ch]$"
        ),
        re.compile(r"\bIfx[A-Z]\w+|\bMODULE_(?:GTM|VADC|EVADC|ASCLIN|QSPI|CCU6|GPT12)\w*|\bAURIX\b"),
        min_signs=3,
    ),
    Rule(
        "zephyr_rtos",
        _path(r"(?:^|/)zephyr/"),
        re.compile(
            r"#include\s+[<\"]zephyr/|#include\s+<zephyr\.h>|\bK_(?:THREAD|SEM|MUTEX|MSGQ|FIFO|TIMER|WORK"
            r"|MEM_SLAB|POLL_EVENT)\w*\("
            r"|\bK_(?:THREAD|SEM|MUTEX|MSGQ|FIFO|TIMER)_DEFINE\b|\bk_(?:sem|mutex|msgq|thread|work|timer|sleep"
            r"|fifo|poll|msleep)\w*\("
            r"|\bDEVICE_DT_\w+|\bDT_(?:INST|NODELABEL|ALIAS|PROP|DRV_COMPAT|CHOSEN)\w*"
            r"|\bLOG_MODULE_(?:REGISTER|DECLARE)\b|\bSYS_INIT\("
        ),
    ),
    Rule(
        "zephyr_rtos",
        content=re.compile(
            r"\bZephyr\b|\bDT_HAS_\w+|\bselect\s+(?:SENSOR|GPIO|I2C|SPI|HAS_\w+|SOC_\w+|CPU_\w+)|\bHAS_DTS\b"
            r"|\$\(dt_\w+"
            r"|\bZEPHYR_\w+|\bSYS_CLOCK\w*|\bBOARD_\w+|\bSOC_\w+|\bKERNEL_\w+|\bINIT_PRIORITY\b|\bdefault\s+\$\("
        ),
        only=_KCONFIG,
    ),
    Rule(
        "stm32_hal",
        _path(
            r"(?:^|/)stm32\w*_(?:hal|ll)(?:_\w+)?\.[ch]$|(?:^|/)STM32\w*_HAL_Driver/|(?:^|/)stm32\w*_(?:bsp"
            r"|eval|discovery|it|nucleo)\w*\.[ch]$"
        ),
        re.compile(
            r"#include\s+\"stm32\w*(?:_hal|_ll)?\w*\.h\"|\bHAL_(?:GPIO|UART|SPI|I2C|TIM|ADC|DMA|RCC|CAN|RTC"
            r"|Delay|Init|NVIC|PCD|SD|ETH|DAC)\w*"
            r"|\b__HAL_\w+|\bLL_(?:GPIO|USART|SPI|I2C|TIM|ADC|DMA|RCC|AHB\d|APB\d)_\w+|\b(?:GPIO|UART|SPI|I2C"
            r"|TIM|ADC|DMA|RCC)_HandleTypeDef\b"
            r"|\bBSP_(?:LED|PB|LCD|SDRAM|QSPI|AUDIO)_\w+"
        ),
        min_signs=3,
    ),
    Rule(
        "nxp_imx",
        _path(r"(?:^|/)fsl_\w+\.[ch]$|(?:^|[/_])(?:mcuxpresso|mimxrt\w*|imxrt\w*|lpcxpresso\w*|lpcopen)(?:[/_.]|$)"),
        re.compile(
            r"\bkCLOCK_\w+|\bkStatus_\w+|#include\s+\"fsl_\w+\.h\"|\bMIMXRT\w+|\bIMX_\w+|\bi\.MX\s?\w+"
            r"|\bLPC\d{2,}\w*|\bIOMUXC_\w+"
            r"|\b(?:LPUART|FLEXSPI|LPI2C|LPSPI|FlexCAN|CLOCK|PORT)_(?:Init|GetDefaultConfig|SetPinMux"
            r"|EnableClock|MasterInit)\w*"
        ),
        min_signs=3,
    ),
    Rule(
        "wireless_ble_wifi",
        _path(
            r"(?:^|/)(?:ieee80211|nl80211|cfg80211|mac80211|bluetooth|nimble|bluedroid|wpa_supplicant"
            r"|hostapd)(?:[/_.]|$)|(?:^|/)drivers/(?:net/wireless|bluetooth)/"
        ),
        re.compile(
            r"\bieee80211_\w+|\bIEEE80211_\w+|\bNL80211_\w+|\bnl80211\w*|\bcfg80211_\w+|\bHCI_[A-Z]\w+"
            r"|\bhci_[a-z]\w+|\bbt_(?:gatt|le|conn|hci|enable|uuid)\w*"
            r"|\bble_(?:gap|gatt|hs|hci|ll|uuid|adv)\w*|\bBLE_\w+|\besp_(?:wifi|ble|bt|gap|gatt\w?)_\w+"
            r"|\bwpa_\w+|\bl2cap_\w+|\bL2CAP_\w+"
            r"|\bWIFI_(?:MODE|IF|AUTH|EVENT|INIT)\w*|\b802\.11\w*"
        ),
        min_signs=4,
    ),
    Rule(
        "usb_stack",
        _path(
            r"(?:^|/)(?:tinyusb|usb_device|usb_host|usbd|usbh|xhci|ehci|ohci|dwc2|dwc3|musb)(?:[/_.]|$)|(?:^"
            r"|/)drivers/usb/|(?:^|/)(?:usbd|usbh|xhci|ehci|tusb)[_\-]\w+\.[ch]$"
        ),
        re.compile(
            r"\btusb_\w+|\btud_\w+|\btuh_\w+|\bTUSB_\w+|\busbd?_(?:ep|gadget|request|control|descriptor"
            r"|device|function|hub|submit|alloc|register|submit_urb|string)\w*"
            r"|\bUSBD_\w+|\bUSBH_\w+|\bUSB_(?:DESC|REQ|DT|ENDPOINT|DIR|CLASS|EP)\w*|\bxhci_\w+|\behci_\w+"
            r"|\bstruct\s+usb_\w+|\bbmRequestType\b|\bwMaxPacketSize\b"
            r"|\bbEndpointAddress\b|\bbDescriptorType\b"
        ),
        min_signs=4,
    ),
    Rule(
        "crypto",
        _path(
            r"(?:^|/)(?:wolfssl|wolfcrypt|mbedtls|openssl|bearssl|crypto|libtomcrypt|micro-ecc|tinycrypt)/"
            r"|(?:^|/)(?:aes|des|rsa|sha\d*|md5|hmac|chacha\d*|poly1305|ecdsa|ed25519|curve25519|rijndael"
            r"|keccak|gcm|bignum|ecp?)(?:_\w+)?\.[ch](?:pp)?$"
        ),
        re.compile(
            r"\bmbedtls_\w+|\bMBEDTLS_\w+|\bwc_[A-Z]\w+|\bwolfSSL_\w+|\bWOLFSSL_\w+|\b(?:AES|aes"
            r"|Aes)_?(?:[Ee]ncrypt|[Dd]ecrypt|[Ss]et_?[Kk]ey|init|Init|key|cbc|CBC|ecb|ctr)\w*"
            r"|\b[Ss][Bb]ox\b|\b(?:SHA|sha)(?:1|256|512|224|384)\w*|\bRSA_\w+|\brsa_\w+|\bHMAC\w*|\bhmac_\w+"
            r"|\bcrypto_\w+|\bECDSA\w*|\becdsa_\w+|\bkey_?schedule\b|\bciphertext\b|\bplaintext\b"
        ),
        min_signs=4,
    ),
    Rule(
        "linux_kernel",
        _path(
            r"(?:^|/)drivers/(?:iio|hwmon|net|gpio|i2c|spi|tty|char|block|media|mfd|regulator|rtc|input|pci"
            r"|platform|clk|dma|mmc|mtd|staging|thermal|watchdog|power|pwm|leds|firmware)/"
        ),
        re.compile(
            r"#include\s+<linux/\w|\bmodule_(?:init|exit|platform_driver|i2c_driver|spi_driver|pci_driver"
            r"|param)\b|\bMODULE_(?:LICENSE|AUTHOR|DESCRIPTION|DEVICE_TABLE|ALIAS)\b"
            r"|\bplatform_(?:driver|device|get_\w+)\b|\bpci_(?:driver|dev|register_driver|enable_device)\b"
            r"|\bnet_device_ops\b|\bstruct\s+net_device\b|\bdevm_\w+\(|\bof_device_id\b"
            r"|\bEXPORT_SYMBOL\w*|\bregmap_\w+\("
        ),
        min_signs=2,
    ),
    Rule(
        "linux_kernel",
        content=re.compile(r"\btristate\b|\bdepends on (?:OF|PCI|NET|HAS_IOMEM|ARCH_\w+)"),
        min_signs=1,
        only=_KCONFIG,
    ),
)


def domain_of(path: str, text: str) -> str:
    """Return the one domain of DOMAINS that a file belongs to; "general" if no rule holds."""
    head = text[:SCAN_CHARS]
    for rule in RULES:
        if rule.holds(path, head):
            return rule.domain
    return "register_defines" if _is_register_header(text) else "general"


def _is_register_header(text: str) -> bool:
    """Return whether most code lines define numbers and many of the names speak of masks, shifts or registers."""
    names = _DEFINE.findall(text)
    if len(names) < MIN_DEFINES:
        return False
    num_lines = sum(1 for _ in _CODE_LINE.finditer(text))
    num_masks = sum(1 for name in names if _MASK_NAME.search(name))
    return len(names) >= MIN_DEFINE_SHARE * num_lines and num_masks >= MIN_MASK_SHARE * len(names)
