/* The fixed tables from which the fleet is drawn: people, models, operating systems, blueprints, tags. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const struct name_pair name_first[] = {
    { "Ana", "ana" },         { "Zoë", "zoe" },         { "Björn", "bjorn" },   { "Chloé", "chloe" },
    { "Daniel", "daniel" },   { "Élodie", "elodie" },   { "Fatima", "fatima" }, { "Giorgos", "giorgos" },
    { "Hiroshi", "hiroshi" }, { "İpek", "ipek" },       { "Jürgen", "jurgen" }, { "Kateřina", "katerina" },
    { "Łukasz", "lukasz" },   { "María", "maria" },     { "Nguyễn", "nguyen" }, { "Olga", "olga" },
    { "Priya", "priya" },     { "Quentin", "quentin" }, { "Rosa", "rosa" },     { "Søren", "soren" },
    { "太郎", "taro" },       { "Uma", "uma" },         { "Víctor", "victor" }, { "Wei", "wei" },
    { "Xavier", "xavier" },   { "Yusuf", "yusuf" },     { "Žofie", "zofie" },   { "Siobhán", "siobhan" },
    { "Grace", "grace" },     { "Omar", "omar" },
};
const size_t name_first_count = COUNT(name_first);

const struct name_pair name_last[] = {
    { "Álvarez", "alvarez" },
    { "Becker", "becker" },
    { "Çelik", "celik" },
    { "D’Angelo", "dangelo" },
    { "Eriksson", "eriksson" },
    { "Fournier", "fournier" },
    { "García", "garcia" },
    { "Håkansson", "hakansson" },
    { "Ivanova", "ivanova" },
    { "Jørgensen", "jorgensen" },
    { "Kovač", "kovac" },
    { "Lindqvist", "lindqvist" },
    { "Müller", "muller" },
    { "Nakamura", "nakamura" },
    { "O’Brien", "obrien" },
    { "Papadopoulos", "papadopoulos" },
    { "Quispe", "quispe" },
    { "Rossi", "rossi" },
    { "Šimunović", "simunovic" },
    { "Tanaka", "tanaka" },
    { "Umarov", "umarov" },
    { "Võ", "vo" },
    { "Weiß", "weiss" },
    { "Xu", "xu" },
    { "Yılmaz", "yilmaz" },
    { "Zając", "zajac" },
    { "van der Berg", "vanderberg" },
    { "Smith", "smith" },
    { "Okafor", "okafor" },
    { "Haddad", "haddad" },
};
const size_t name_last_count = COUNT(name_last);

static const struct name_model macs[] = {
    { "MacBook Air (M1, 2020)", "MacBookAir10,1", "MacBook Air", true, 245 },
    { "MacBook Pro (14-inch, 2023)", "Mac14,9", "MacBook Pro", true, 494 },
    { "MacBook Pro (16-inch, 2019)", "MacBookPro16,1", "MacBook Pro", false, 500 },
    { "MacBook Air (13-inch, M3, 2024)", "Mac15,12", "MacBook Air", true, 245 },
    { "Mac mini (M2, 2023)", "Mac14,3", "Mac mini", true, 245 },
    { "iMac (24-inch, M3, 2023)", "Mac15,5", "iMac", true, 494 },
    { "Mac Studio (M2 Max, 2023)", "Mac14,13", "Mac Studio", true, 994 },
};
static const struct name_model iphones[] = {
    { "iPhone 13", "iPhone14,5", "iPhone", true, 128 },
    { "iPhone 14 Pro", "iPhone15,2", "iPhone", true, 256 },
    { "iPhone 15", "iPhone15,4", "iPhone", true, 128 },
    { "iPhone SE (3rd generation)", "iPhone14,6", "iPhone", true, 64 },
};
static const struct name_model ipads[] = {
    { "iPad (8th generation) (Wi-Fi)", "iPad11,6", "iPad", true, 32 },
    { "iPad Air (5th generation) (Wi-Fi + Cellular)", "iPad13,17", "iPad", true, 64 },
    { "iPad Pro (11-inch) (4th generation)", "iPad14,3", "iPad", true, 128 },
};
static const struct name_model tvs[] = {
    { "Apple TV 4K (3rd generation)", "AppleTV14,1", "Apple TV", true, 64 },
    { "Apple TV 4K (2nd generation)", "AppleTV11,1", "Apple TV", true, 32 },
};
static const struct name_model pcs[] = {
    { "Latitude 5440", "Dell Inc.", "PC", false, 512 },
    { "ThinkPad T14 Gen 4", "LENOVO", "PC", false, 512 },
    { "EliteBook 840 G10", "HP", "PC", false, 256 },
};
static const struct name_model androids[] = {
    { "Pixel 8", "Google", "Pixel", false, 128 },
    { "SM-S911B", "samsung", "Galaxy", false, 256 },
};

static const struct name_os mac_systems[] = {
    { "26.1", "25B78", "Tahoe", "", "" },        { "15.7.2", "24G325", "Sequoia", "", "" },
    { "15.6.1", "24G90", "Sequoia", "", "" },    { "14.8.2", "23J126", "Sonoma", "", "" },
    { "14.4.1", "23E224", "Sonoma", "", "" },    { "13.7.8", "22H730", "Ventura", "", "" },
    { "12.7.6", "21H1320", "Monterey", "", "" }, { "13.4.1", "22F82", "Ventura", "22F770820b", "(a)" },
};
static const struct name_os ios_systems[] = {
    { "26.1", "23B85", "iOS 26", "", "" },
    { "18.7.2", "22H124", "iOS 18", "", "" },
    { "18.6.2", "22G100", "iOS 18", "", "" },
    { "17.7.2", "21H221", "iOS 17", "", "" },
};
static const struct name_os ipad_systems[] = {
    { "26.1", "23B85", "iPadOS 26", "", "" },
    { "18.7.2", "22H124", "iPadOS 18", "", "" },
    { "17.7.10", "21H450", "iPadOS 17", "", "" },
    { "16.7.12", "20H364", "iPadOS 16", "", "" },
};
static const struct name_os tv_systems[] = {
    { "26.1", "23J582", "tvOS 26", "", "" },
    { "18.6", "22M84", "tvOS 18", "", "" },
};
static const struct name_os pc_systems[] = {
    { "25H2", "10.0.26200.7171", "Windows 11", "", "" },
    { "24H2", "10.0.26100.6584", "Windows 11", "", "" },
    { "23H2", "10.0.22631.5909", "Windows 11", "", "" },
};
static const struct name_os android_systems[] = {
    { "16", "BP3A.251105.015", "Android 16", "", "" },
    { "15", "AP4A.250405.002", "Android 15", "", "" },
    { "14", "UP1A.231005.007", "Android 14", "", "" },
};

const struct name_platform name_platforms[PLATFORMS] = {
    [MAC] = { "Mac", "Mac", 60, macs, COUNT(macs), mac_systems, COUNT(mac_systems) },
    [IPHONE] = { "iPhone", "iPhone", 17, iphones, COUNT(iphones), ios_systems, COUNT(ios_systems) },
    [IPAD] = { "iPad", "iPad", 11, ipads, COUNT(ipads), ipad_systems, COUNT(ipad_systems) },
    [APPLETV] = { "AppleTV", "tvOS", 4, tvs, COUNT(tvs), tv_systems, COUNT(tv_systems) },
    [WINDOWS] = { "Windows", NULL, 5, pcs, COUNT(pcs), pc_systems, COUNT(pc_systems) },
    [ANDROID] = { "Android", NULL, 3, androids, COUNT(androids), android_systems, COUNT(android_systems) },
};

const struct name_blueprint name_blueprints[] = {
    { "Engineering", "Developers and their tools", true },
    { "Engineering Beta", "", true },
    { "Sales", "Field staff", false },
    { "Executives", "", true },
    { "Zürich Büro", "Standort Zürich", false },
    { "Kiosk iPads", "Reception and warehouse", false },
    { "Conference Rooms", "Apple TVs", false },
    { "Mobile", "Phones and tablets", true },
    { "Windows Pilot", "", true },
    { "Android Work Profile", "", true },
    { "Contractors", "Leaves no corporate data behind", false },
    { "Empty Blueprint", "", false },
};
const size_t name_blueprint_count = COUNT(name_blueprints);

const char *const name_tags[] = { "loaner", "executive", "Finance", "finance", "retail", "Berlin" };
const size_t name_tag_count = COUNT(name_tags);

const char *const name_mac_agents[] = { "4.6.2 (5231)", "4.5.9 (5160)", "4.4.0 (4988)" };
const char *const name_windows_agents[] = { "1.4.1", "1.3.0", "1.2.7" };

enum platform name_platform_of(const char *name)
{
    int p = 0;
    while (p < PLATFORMS && strcmp(name_platforms[p].name, name) != 0)
        p++;
    return (enum platform)p;
}
